package world

import (
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/yamlfile"
)

// This file reads members that are as they are where a file does not say them, and
// away where it says null or "".

// maybe reads a member that the file changes.
func maybe[T any](m *cloud.Maybe[T], read func(*T) yamlfile.Read) yamlfile.Read {
	return func(n yamlfile.Node) {
		m.Given = true
		orAway(&m.Null, read(&m.Value))(n)
	}
}

// orAway reads a member by read, and notes one that is away.
func orAway(away *bool, read yamlfile.Read) yamlfile.Read {
	return func(n yamlfile.Node) {
		if *away = n.IsAway(); !*away {
			read(n)
		}
	}
}

// text reads a text that can be shown.
func text(target *string) yamlfile.Read { return yamlfile.Text(target, nil) }

// truth reads true or false.
func truth(target *bool) yamlfile.Read {
	return func(n yamlfile.Node) {
		var b *bool
		if yamlfile.Bool(&b)(n); b != nil {
			*target = *b
		}
	}
}

// orTrue reads true or false of what is true where nothing is said of it.
func orTrue(target **bool) yamlfile.Read {
	return func(n yamlfile.Node) {
		if n.IsAway() {
			*target = new(true)
			return
		}
		yamlfile.Bool(target)(n)
	}
}

// whitelist reads a whitelist. One without entries is not nil.
func whitelist(target *[]string) yamlfile.Read {
	return func(n yamlfile.Node) {
		if *target = []string{}; !n.IsAway() {
			yamlfile.Texts(target, nil)(n)
		}
	}
}

// quotas reads how many calls of a platform there may be. Which interfaces there are
// is for the server to say.
func quotas(target *cloud.Quotas) yamlfile.Read {
	return func(n yamlfile.Node) {
		target.Interfaces = map[string]cloud.Quota{}
		n.Members("quotas",
			yamlfile.Optional("interfaces", yamlfile.Named(func(name string, n yamlfile.Node) {
				target.Interfaces[name] = quota(n)
			})),
			yamlfile.Optional("all", func(n yamlfile.Node) { target.All = quota(n) }),
		)
	}
}

func quota(n yamlfile.Node) (q cloud.Quota) {
	calls := whole("a quota", cloud.MaxQuota)
	n.Members("a quota", yamlfile.Optional("day", calls(&q.Day)), yamlfile.Optional("minute", calls(&q.Minute)))
	return q
}

// networks reads where a platform's calls come from.
func networks(target *[]cloud.Network) yamlfile.Read {
	return func(n yamlfile.Node) {
		*target = []cloud.Network{}
		var texts []string
		yamlfile.Texts(&texts, func(text string) string {
			if _, err := cloud.ParseNetwork(text); err != nil {
				return "cannot be: " + err.Error()
			}
			return ""
		})(n)
		for _, text := range texts {
			network, _ := cloud.ParseNetwork(text) // was checked
			*target = append(*target, network)
		}
	}
}

// whole returns what reads a whole number from 1 on.
func whole(what string, most int) func(*int64) yamlfile.Read {
	return func(target *int64) yamlfile.Read {
		return func(n yamlfile.Node) {
			number, _ := n.Number(what, 1, most)
			*target = int64(number)
		}
	}
}

// variables reads a function's environment, whose values are secrets.
func variables(target *[]cloud.Variable) yamlfile.Read {
	return yamlfile.Named(func(name string, n yamlfile.Node) {
		v := cloud.Variable{Key: name}
		yamlfile.Secret(&v.Value, nil)(n)
		*target = append(*target, v)
	})
}

// triggers reads the triggers of a function, which are timers.
func triggers(target *[]cloud.Trigger) yamlfile.Read {
	return yamlfile.List(func(n yamlfile.Node) {
		t := cloud.Trigger{Type: "timer"}
		n.Members("a trigger", yamlfile.Required("name", text(&t.Name)), yamlfile.Required("config", text(&t.Config)))
		*target = append(*target, t)
	})
}
