package world

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/opentcb/opentcb/internal/cloud"
)

// Writer writes a world file, an item a line.
type Writer struct {
	to      io.Writer
	section string
}

// NewWriter returns a Writer to a destination.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write writes a piece of a world. The pieces are in the order of a file's sections.
func (w *Writer) Write(piece cloud.World) error {
	var b bytes.Buffer
	for _, p := range piece.Platforms {
		w.item(&b, "platforms", line{}.
			add("appid", p.AppID).maybe("secret", p.Secret, p.Secret != "").maybe("verify_ticket", p.Ticket, p.Ticket != "").
			maybe("name", p.With.Name, p.With.Name.Given).maybe("disabled", p.With.Disabled, p.With.Disabled.Given).
			maybe("permission_sets", p.With.PermissionSets, p.With.PermissionSets.Given).
			maybe("quotas", p.With.Quotas, p.With.Quotas.Given).
			maybe("consent_hosts", p.With.ConsentHosts, p.With.ConsentHosts.Given).
			maybe("ip_whitelist", p.With.IPWhitelist, p.With.IPWhitelist.Given).
			maybe("events", p.With.Events, p.With.Events.Given))
	}
	for _, m := range piece.MiniPrograms {
		w.item(&b, "miniprograms", line{}.
			add("appid", m.AppID).maybe("cloud", m.Cloud, m.Cloud != nil).
			maybe("name", m.With.Name, m.With.Name.Given).maybe("principal", m.With.Principal, m.With.Principal.Given).
			maybe("disabled", m.With.Disabled, m.With.Disabled.Given))
	}
	for _, e := range piece.Environments {
		owner := map[bool]string{true: "platform", false: "appid"}[e.Batch]
		w.item(&b, "environments", line{}.add("id", e.ID).add(owner, e.Account).
			maybe("alias", e.Alias, e.Alias.Given).maybe("runtime", e.Runtime, e.Runtime.Given).
			maybe("open", e.Open, e.Open != nil).maybe("api_whitelist", e.Whitelist, len(e.Whitelist) > 0))
	}
	for _, a := range piece.Authorizations {
		w.item(&b, "authorizations", line{}.add("platform", a.Platform).add("appid", a.AppID).
			add("permission_sets", a.Sets).maybe("refresh_token", a.RefreshToken, a.RefreshToken != ""))
	}
	for _, f := range piece.Functions {
		w.item(&b, "functions", line{}.add("env", f.Env).add("name", f.Name).maybe("zip", f.Zip, f.Zip != "").
			maybe("timeout", f.Timeout, f.Timeout.Given).maybe("openapi", f.OpenAPI, f.OpenAPI.Given).
			maybe("triggers", f.Triggers, f.Triggers.Given))
	}
	_, err := w.to.Write(b.Bytes())
	return err
}

func (w *Writer) item(b *bytes.Buffer, section string, members line) {
	if section != w.section {
		w.section = section
		b.WriteString(section + ":\n")
	}
	b.WriteString("  - {")
	b.Write(members)
	b.WriteString("}\n")
}

// line is the members of an item, each value as JSON has it, which is YAML too.
type line []byte

func (l line) add(name string, value any) line {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // no value here fails
	if len(l) > 0 {
		l = append(l, ", "...)
	}
	return append(append(l, name+": "...), bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
}

// maybe adds a member if it is there.
func (l line) maybe(name string, value any, is bool) line {
	if !is {
		return l
	}
	return l.add(name, value)
}
