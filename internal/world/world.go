package world

import (
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/yamlfile"
)

// Parse reads a world file, YAML or JSON; name is what faults call it. An empty
// file is an empty world. The error is always a words.Faults, which shows no
// secret, verify_ticket or refresh_token. The world's functions have the names
// of their zips, and no sums yet.
func Parse(data []byte, name string) (cloud.World, error) {
	r := reader{seen: map[string]int{}, roles: map[string]mention{}, switches: map[string]mention{}}
	if err := yamlfile.Parse(data, name, r.file); err != nil {
		return cloud.World{}, err
	}
	return r.world, nil
}

// reader reads the items in the order of the file.
type reader struct {
	world    cloud.World
	seen     map[string]int     // every item by what makes it unique, with its line
	roles    map[string]mention // every appid with its first use
	switches map[string]mention // every account with its first `open`
}

// mention is where an account was first said to be something.
type mention struct {
	what string
	line int
}

func (r *reader) file(n yamlfile.Node) {
	n.Members("a world file",
		yamlfile.Optional("platforms", yamlfile.List(r.platform)),
		yamlfile.Optional("miniprograms", yamlfile.List(r.miniProgram)),
		yamlfile.Optional("environments", yamlfile.List(r.environment)),
		yamlfile.Optional("authorizations", yamlfile.List(r.authorization)),
		yamlfile.Optional("functions", yamlfile.List(r.function)),
	)
}

func (r *reader) platform(n yamlfile.Node) {
	p := cloud.WorldPlatform{Line: n.Line()}
	n.Members("a platform",
		yamlfile.Required("appid", r.account(&p.AppID, "a platform")),
		yamlfile.Optional("secret", yamlfile.Secret(&p.Secret, checkSecret)),
		yamlfile.Optional("verify_ticket", orAway(&p.NoTicket, yamlfile.Secret(&p.Ticket, checkTicket))),
		yamlfile.Optional("name", maybe(&p.With.Name, text)),
		yamlfile.Optional("disabled", maybe(&p.With.Disabled, truth)),
		yamlfile.Optional("permission_sets", maybe(&p.With.PermissionSets, permissionSets)),
		yamlfile.Optional("quotas", maybe(&p.With.Quotas, quotas)),
		yamlfile.Optional("consent_hosts", maybe(&p.With.ConsentHosts, whitelist)),
		yamlfile.Optional("ip_whitelist", maybe(&p.With.IPWhitelist, networks)),
		yamlfile.Optional("events", maybe(&p.With.Events, events)),
	)
	r.once(n, "platform", p.AppID)
	r.world.Platforms = append(r.world.Platforms, p)
}

func (r *reader) miniProgram(n yamlfile.Node) {
	m := cloud.WorldMiniProgram{Line: n.Line()}
	n.Members("a Mini Program",
		yamlfile.Required("appid", r.account(&m.AppID, "a Mini Program")),
		yamlfile.Optional("cloud", orTrue(&m.Cloud)),
		yamlfile.Optional("name", maybe(&m.With.Name, text)),
		yamlfile.Optional("principal", maybe(&m.With.Principal, text)),
		yamlfile.Optional("disabled", maybe(&m.With.Disabled, truth)),
	)
	r.once(n, "Mini Program", m.AppID)
	r.world.MiniPrograms = append(r.world.MiniPrograms, m)
}

func (r *reader) environment(n yamlfile.Node) {
	var appid, platform string
	e := cloud.WorldEnvironment{Line: n.Line(), Batch: n.Has("platform")}
	isMapping := n.Members("an environment",
		yamlfile.Required("id", yamlfile.Text(&e.ID, checkEnvironment)),
		yamlfile.Optional("appid", r.account(&appid, "a Mini Program")),
		yamlfile.Optional("platform", r.account(&platform, "a platform")),
		yamlfile.Optional("alias", maybe(&e.Alias, text)),
		yamlfile.Optional("runtime", maybe(&e.Runtime, text)),
		yamlfile.Optional("open", orTrue(&e.Open)),
		yamlfile.Optional("api_whitelist", whitelist(&e.Whitelist)),
	)
	if isMapping {
		oneOwner(n)
	}
	r.once(n, "environment", e.ID)
	if appid == "" || platform == "" {
		e.Account = appid + platform
		r.agreeOnSwitch(n, e)
	}
	r.world.Environments = append(r.world.Environments, e)
}

func (r *reader) authorization(n yamlfile.Node) {
	a := cloud.WorldAuthorization{Line: n.Line()}
	n.Members("an authorization",
		yamlfile.Required("platform", r.account(&a.Platform, "a platform")),
		yamlfile.Required("appid", r.account(&a.AppID, "a Mini Program")),
		yamlfile.Optional("permission_sets", grantedSets(&a.Sets)),
		yamlfile.Optional("refresh_token", orAway(&a.NoRefresh, yamlfile.Secret(&a.RefreshToken, checkRefreshToken))),
	)
	r.once(n, "authorization", a.Platform, a.AppID)
	r.world.Authorizations = append(r.world.Authorizations, a)
}

func (r *reader) function(n yamlfile.Node) {
	f := cloud.WorldFunction{Line: n.Line()}
	n.Members("a function",
		yamlfile.Required("env", yamlfile.Text(&f.Env, checkEnvironment)),
		yamlfile.Required("name", yamlfile.Text(&f.Name, checkFunction)),
		yamlfile.Optional("zip", orAway(&f.NoZip, text(&f.Zip))),
		yamlfile.Optional("timeout", maybe(&f.Timeout, whole("timeout", cloud.MaxTimeout))),
		yamlfile.Optional("environment", maybe(&f.Environment, variables)),
		yamlfile.Optional("openapi", maybe(&f.OpenAPI, whitelist)),
		yamlfile.Optional("triggers", maybe(&f.Triggers, triggers)),
	)
	r.once(n, "function", f.Env, f.Name)
	r.world.Functions = append(r.world.Functions, f)
}

// events reads the event addresses of a platform, which may be none. One that is there
// keeps its token and aes_key where neither is said.
func events(target *[]cloud.EventSetting) yamlfile.Read {
	return yamlfile.List(func(n yamlfile.Node) {
		var e cloud.EventSetting
		n.Members("an event address",
			yamlfile.Required("url", text(&e.URL)),
			yamlfile.Optional("token", yamlfile.Secret(&e.Token, checkWord)),
			yamlfile.Optional("aes_key", yamlfile.Secret(&e.AESKey, checkWord)),
		)
		*target = append(*target, e)
	})
}

// account reads an appid that is used as what ("a platform", "a Mini Program")
// and must not be used as the other.
func (r *reader) account(target *string, what string) yamlfile.Read {
	read := yamlfile.Text(target, checkAppID)
	return func(n yamlfile.Node) {
		read(n)
		if *target == "" {
			return
		}
		first, known := r.roles[*target]
		if !known {
			r.roles[*target] = mention{what, n.Line()}
		} else if first.what != what {
			n.Report("%s is %s here and %s on line %d", *target, what, first.what, first.line)
		}
	}
}

// maxPermissionSet is far above any id that was seen: the highest have three
// digits.
const maxPermissionSet = 10_000

// permissionSets reads what a platform asks for, which may be nothing.
func permissionSets(target *[]int) yamlfile.Read {
	return func(n yamlfile.Node) { readSets(n, target) }
}

// grantedSets reads what a merchant granted.
func grantedSets(target *[]int) yamlfile.Read {
	return func(n yamlfile.Node) {
		if empty := readSets(n, target); empty {
			n.Report("permission_sets needs at least one id")
		}
	}
}

func readSets(n yamlfile.Node, target *[]int) (empty bool) {
	return n.Items(func(item yamlfile.Node) {
		id, ok := item.Number("a permission set", 1, maxPermissionSet)
		switch {
		case !ok:
		case slices.Contains(*target, id):
			item.Report("permission set %d is repeated", id)
		default:
			*target = append(*target, id)
		}
	})
}
