package cloud_test

import (
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
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
