package world

import (
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/yamlfile"
)

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
	calls := func(target *int64) yamlfile.Read {
		return func(n yamlfile.Node) {
			if calls, ok := n.Number("a quota", 1, cloud.MaxQuota); ok {
				*target = int64(calls)
			}
		}
	}
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
