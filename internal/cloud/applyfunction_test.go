package cloud_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// A start applies the file that it has always had: code that was deployed since the file
// said its own stays, and that is told. Other code in the file counts, and so does the
// file's code when the operator applies it.
func TestStartKeepsDeployedCode(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	apply := func(what, text string, start bool, wantCode, wantTold string) {
		t.Helper()
		sum, err := r.cloud.AddCode(t.Context(), r.operator(), r.draft(zipOf(t, text)))
		r.ok("AddCode", err)
		outcome, err := r.cloud.Apply(t.Context(), r.operator(), cloud.World{
			Functions: []cloud.WorldFunction{{Env: env1, Name: "coded", Zip: text + ".zip", Sum: sum}},
			Options:   cloud.ApplyOptions{Start: start},
		})
		r.ok("Apply", err)
		f, err := r.store.Function(t.Context(), mini1, env1, "coded")
		r.ok("Function", err)
		if f.Sum != sumOf(zipOf(t, wantCode)) {
			t.Errorf("%s: the function has other code than %q", what, wantCode)
		}
		told := ""
		for _, left := range outcome.Left {
			told += left.Change
		}
		if (told == "") != (wantTold == "") || !strings.Contains(told, wantTold) {
			t.Errorf("%s: told %q, want %q", what, told, wantTold)
		}
	}
	const start, kept = true, "other code was deployed since"
	apply("made", "one", start, "one", "")
	apply("the same file", "one", start, "one", "")
	r.deploy("coded", "deployed")
	apply("after a deployment", "one", start, "deployed", kept)
	apply("at the next start", "one", start, "deployed", kept)
	apply("other code in the file", "two", start, "two", "")
	r.deploy("coded", "three")
	apply("the file has followed the deployment", "three", start, "three", "")
	r.deploy("coded", "four")
	apply("deployed once more", "three", start, "four", kept)
	apply("applied", "three", !start, "three", "")
	apply("at a start after that", "three", start, "three", "")

	c := r.caller(platform1, mini1)
	r.ok("upload", r.upload(c, "coded", "protected"))
	for _, at := range []bool{start, !start} {
		apply("a platform's code", "three", at, "protected", "the code is a platform's")
	}
}

// configured is a world with one function, which has every kind of configuration.
func configured(name string) cloud.World {
	return cloud.World{Functions: []cloud.WorldFunction{{
		Line: 7, Env: env1, Name: name, Timeout: cloud.Given[int64](20), OpenAPI: cloud.Given([]string{"wxacode.get"}),
		Environment: cloud.Given([]cloud.Variable{{"KEY", "hush-of-the-file"}, {"A", "<&>"}}),
		Triggers:    cloud.Given([]cloud.Trigger{{"daily", "timer", "0 0 2 * * * *"}}),
	}}}
}

// config is a kind of a function's configuration, as getfuncconfig tells it.
func (r *rig) config(c cloud.Caller, name string, kind tcb.FuncConfigType) string {
	r.Helper()
	text, err := r.cloud.FuncConfig(r.Context(), c, env1, name, kind)
	r.ok("FuncConfig", err)
	return text
}

// What a file says of a function's configuration counts when the function is made. What is
// another since is told, without a variable's value, and stays.
//
// Proves: OP-8, FC-1, FC-2
func TestApplyConfiguration(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.keep("hush-of-the-file", "hush-of-the-wire")
	c := r.caller(platform1, mini1)
	w := configured("new")
	const item, now = "function " + env1 + " new: ", ": it counts when the function is made, and is another now"
	r.changes(w, item+"added")
	for kind, want := range map[tcb.FuncConfigType]string{
		tcb.FuncConfigProcess: `{"environment":[{"key":"KEY","value":"hush-of-the-file"},` +
			`{"key":"A","value":"\u003c\u0026\u003e"}],"timeout":20}`,
		tcb.FuncConfigAPIs:     `{"permissions":{"openapi":["wxacode.get"]}}`,
		tcb.FuncConfigTriggers: `{"triggers":[{"name":"daily","type":"timer","config":"0 0 2 * * * *"}]}`,
	} {
		if got := r.config(c, "new", kind); got != want {
			t.Errorf("the configuration is %s, want %s", got, want)
		}
	}
	set := func(kind tcb.FuncConfigType, text string) {
		t.Helper()
		r.ok("SetFuncConfig", r.cloud.SetFuncConfig(t.Context(), c, env1, "new", kind, text))
	}
	set(3, `{"timeout":20,"environment":[{"key":"A","value":"<&>"},{"key":"KEY","value":"hush-of-the-file"}]}`)
	r.left(w, nil, nil) // in another order, which is no matter
	set(1, `{"permissions":{"openapi":[]}}`)
	r.left(w, nil, []string{item + "openapi" + now})
	set(2, `{"triggers":[]}`)
	set(3, `{"timeout":21,"environment":[{"key":"A","value":"hush-of-the-wire"}]}`)
	all := []string{item + "timeout" + now, item + "environment" + now, item + "openapi" + now, item + "triggers" + now}
	r.left(w, nil, all)
	w.Functions[0].NoZip, w.Functions[0].OpenAPI = true, cloud.Maybe[[]string]{Given: true, Null: true}
	r.deploy("new", "code")
	left := append(all[:2:2], all[3], item+"zip: there is code, which a file does not take away")
	r.left(w, nil, left)
	if got := r.config(c, "new", 3); got != `{"timeout":21,"environment":[{"key":"A","value":"hush-of-the-wire"}]}` {
		t.Errorf("the configuration has become %s", got)
	}
	r.left(cloud.World{Functions: []cloud.WorldFunction{{Env: env1, Name: "new"}}}, nil, nil) // absent is as it is
}

// A file's configuration keeps to the rules of the wire.
//
// Proves: FC-1, FC-2
func TestApplyConfigurationRules(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	w := configured("new")
	f := &w.Functions[0]
	variables := func(vs ...cloud.Variable) { f.Environment = cloud.Given(vs) }
	var many []cloud.Variable
	for i := range 101 {
		many = append(many, cloud.Variable{Key: fmt.Sprint("V", i)})
	}
	for want, change := range map[string]func(){
		"config has a timeout that is not from 1 to 300 seconds":                        func() { f.Timeout.Value = 301 },
		"config has the variable LD_PRELOAD, whose name is taken":                       func() { variables(cloud.Variable{"LD_PRELOAD", "hush"}) },
		"config has a key in environment[0] that is not letters, digits and _, without": func() { variables(cloud.Variable{"9", "hush"}) },
		"config has over 100 variables":                                                 func() { variables(many...) },
		"config has variables of over 4096 bytes together":                              func() { variables(cloud.Variable{"A", strings.Repeat("hush", 1024)}) },
		"config has a name in openapi[0] that is not like wxacode.get":                  func() { f.OpenAPI.Value[0] = "wxacode" },
		"config has a config in triggers[0] that is not seven fields of cron":           func() { f.Triggers.Value[0].Config = "daily" },
		"config has a name in triggers[0] that is not 1 to 60 letters":                  func() { f.Triggers.Value[0].Name = "1" },
	} {
		w = configured("new")
		f = &w.Functions[0]
		change()
		_, err := r.cloud.Apply(t.Context(), r.operator(), w)
		if err == nil || !strings.HasPrefix(err.Error(), "line 7: function "+env1+" new: "+want) ||
			strings.Contains(err.Error(), "hush") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := r.store.Function(t.Context(), mini1, env1, "new"); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("the function is there: %v", err)
	}
}
