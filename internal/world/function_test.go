package world

import (
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/opentcb/opentcb/internal/cloud"
)

// variablesOf is maybeOf for a function's variables, and triggersIn for its triggers.
func variablesOf(m cloud.Maybe[[]cloud.Variable]) any {
	if !m.Given || m.Null {
		return maybeOf(m)
	}
	all := map[quoted]quoted{}
	for _, v := range m.Value {
		all[quoted(v.Key)] = quoted(v.Value)
	}
	return []any{all}
}

// quoted is a text of which the library's own writer may make what its reader refuses.
type quoted string

// MarshalYAML writes it in quotes.
func (q quoted) MarshalYAML() (any, error) {
	return &yaml.Node{Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle, Value: string(q)}, nil
}

func triggersIn(m cloud.Maybe[[]cloud.Trigger]) any {
	if !m.Given || m.Null {
		return maybeOf(m)
	}
	all := []map[string]string{}
	for _, t := range m.Value {
		all = append(all, map[string]string{"name": t.Name, "config": t.Config})
	}
	return []any{all}
}

// A key may be anything that the rules refuse, too; a file may repeat none.
var someVariables = rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) cloud.Variable {
	return cloud.Variable{
		Key:   rapid.StringMatching(`[ -;=-~é夹😀]{1,9}|no|1e5|null`).Draw(t, "key"),
		Value: rapid.StringMatching(`[ -~é夹😀\n\t]{0,9}|no|1e5|null`).Draw(t, "value"),
	}
}), 0, 4, func(v cloud.Variable) string { return v.Key })

var someTrigger = rapid.Custom(func(t *rapid.T) cloud.Trigger {
	return cloud.Trigger{
		Name: rapid.StringMatching(`[a-z]{1,5}|yes`).Draw(t, "name"), Type: "timer",
		Config: rapid.StringMatching(`([0-9*?,/-]{1,3} ){6}[*]`).Draw(t, "config"),
	}
})
