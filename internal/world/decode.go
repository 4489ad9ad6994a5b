package world

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// decoder turns the tree into a World, in the order of the file. What is wrong goes to faults, and it reads on.
type decoder struct {
	world        World
	faults       collector
	seen         map[string]int     // every item by what makes it unique, to its line
	roles        map[string]mention // appid to its first use
	opens        map[string]mention // account to its first `open`
	carriesLines bool               // items have a member `line` (Decode)
	line         int                // of the item under way where it carries one, else 0
}

// mention is where an account was first said to be something.
type mention struct {
	what string
	line int
}

// field is one known member of a mapping.
type field struct {
	name     string
	required bool
	read     func(*yaml.Node)
	line     int // where it was met, 0 before that
}

func (d *decoder) fault(n *yaml.Node, format string, args ...any) {
	d.faults.add(d.at(n), format, args...)
}

func (d *decoder) at(n *yaml.Node) int {
	if d.line > 0 {
		return d.line
	}
	return n.Line
}

func (d *decoder) file(n *yaml.Node) {
	if absent(n) {
		return
	}
	d.members(n, "a world file",
		field{name: "platforms", read: d.items("platforms", d.platform)},
		field{name: "miniprograms", read: d.items("miniprograms", d.miniProgram)},
		field{name: "environments", read: d.items("environments", d.environment)},
		field{name: "authorizations", read: d.items("authorizations", d.authorization)},
		field{name: "functions", read: d.items("functions", d.function)},
	)
}

// absent is whether nothing stands at n: `platforms:` with every item commented out is an absent list.
func absent(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func (d *decoder) items(name string, read func(*yaml.Node)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if absent(n) {
			return
		}
		d.list(n, name, read)
	}
}

func (d *decoder) list(n *yaml.Node, what string, read func(*yaml.Node)) {
	if n.Kind == yaml.AliasNode {
		return // told by refuseIndirection
	}
	if n.Kind != yaml.SequenceNode {
		d.fault(n, "%s must be a list; this is %s", what, kind(n))
		return
	}
	for _, item := range n.Content {
		read(item)
	}
}

// members reads a mapping: each member once, none unknown, none of the required ones absent.
func (d *decoder) members(n *yaml.Node, what string, fields ...field) {
	if n.Kind == yaml.AliasNode {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fault(n, "%s must be a mapping of `name: value`; this is %s", what, kind(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		d.member(n.Content[i], n.Content[i+1], what, fields)
	}
	for _, f := range fields {
		if f.required && f.line == 0 {
			d.fault(n, "%s needs %s", what, f.name)
		}
	}
}

func (d *decoder) member(key, value *yaml.Node, what string, fields []field) {
	i := slices.IndexFunc(fields, func(f field) bool { return key.Kind == yaml.ScalarNode && key.Value == f.name })
	switch {
	case i < 0:
		d.unknown(key, value, what, fields)
	case fields[i].line != 0:
		d.fault(key, "%s is said twice, first on line %d", fields[i].name, fields[i].line)
	default:
		fields[i].line = d.at(key)
		fields[i].read(value)
	}
}

// item reads the members of one item and sets its line.
func (d *decoder) item(n *yaml.Node, what string, line *int, fields ...field) {
	*line = n.Line
	if d.carriesLines {
		d.line = carriedLine(n)
		*line = d.at(n)
		fields = append(fields, field{name: "line", read: func(value *yaml.Node) { d.number(value, "line", 1, maxLine, new(int)) }})
	}
	d.members(n, what, fields...)
	d.line = 0
}

// maxLine is more than a file of MaxBytes has.
const maxLine = MaxBytes + 1

// carriedLine is the member `line` of an item, 0 where there is none that can be used.
func carriedLine(n *yaml.Node) int {
	carried := value(n, "line")
	if carried == nil {
		return 0
	}
	line, _ := plainNumber(carried, 1, maxLine)
	return line
}

// value is what the mapping n has for name, nil where n is no mapping or has no such member.
func value(n *yaml.Node, name string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func (d *decoder) platform(n *yaml.Node) {
	var p Platform
	d.item(n, "a platform", &p.Line,
		field{name: "appid", required: true, read: d.account(&p.AppID, "appid", "a platform")},
		field{name: "secret", required: true, read: d.secret(&p.Secret, "secret", checkSecret)},
		field{name: "verify_ticket", read: d.secret(&p.VerifyTicket, "verify_ticket", checkTicket)},
	)
	d.once(p.Line, "platform", p.AppID)
	d.world.Platforms = append(d.world.Platforms, p)
}

func (d *decoder) miniProgram(n *yaml.Node) {
	var m MiniProgram
	d.item(n, "a Mini Program", &m.Line,
		field{name: "appid", required: true, read: d.account(&m.AppID, "appid", "a Mini Program")},
		field{name: "cloud", read: d.boolean(&m.Cloud, "cloud")},
	)
	d.once(m.Line, "Mini Program", m.AppID)
	d.world.MiniPrograms = append(d.world.MiniPrograms, m)
}

func (d *decoder) environment(n *yaml.Node) {
	var e Environment
	d.item(n, "an environment", &e.Line,
		field{name: "id", required: true, read: d.text(&e.ID, "id", checkEnvironment)},
		field{name: "appid", read: d.account(&e.AppID, "appid", "a Mini Program")},
		field{name: "platform", read: d.account(&e.Platform, "platform", "a platform")},
		field{name: "open", read: d.boolean(&e.Open, "open")},
		field{name: "api_whitelist", read: d.texts(&e.APIWhitelist, "api_whitelist")},
	)
	if n.Kind == yaml.MappingNode {
		d.oneOwner(n, e.Line)
	}
	d.once(e.Line, "environment", e.ID)
	d.agreeOpen(e)
	d.world.Environments = append(d.world.Environments, e)
}

func (d *decoder) authorization(n *yaml.Node) {
	var a Authorization
	d.item(n, "an authorization", &a.Line,
		field{name: "platform", required: true, read: d.account(&a.Platform, "platform", "a platform")},
		field{name: "appid", required: true, read: d.account(&a.AppID, "appid", "a Mini Program")},
		field{name: "permission_sets", required: true, read: d.permissionSets(&a.PermissionSets)},
		field{name: "refresh_token", read: d.secret(&a.RefreshToken, "refresh_token", checkRefreshToken)},
	)
	d.once(a.Line, "authorization", a.Platform, a.AppID)
	d.world.Authorizations = append(d.world.Authorizations, a)
}

func (d *decoder) function(n *yaml.Node) {
	var f Function
	d.item(n, "a function", &f.Line,
		field{name: "env", required: true, read: d.text(&f.Env, "env", checkEnvironment)},
		field{name: "name", required: true, read: d.text(&f.Name, "name", checkFunction)},
		field{name: "zip", read: d.text(&f.Zip, "zip", checkPath)},
	)
	d.once(f.Line, "function", f.Env, f.Name)
	d.world.Functions = append(d.world.Functions, f)
}
