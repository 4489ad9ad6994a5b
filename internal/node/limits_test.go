package node

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestLimits looks at what each limit needs: a flag, help, a default above 0
// that its flag changes, and a line in the operator's manual.
func TestLimits(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	if err := defaultLimits().check(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Limits]()) {
		l := defaultLimits()
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		l.AddFlags(flags)
		name := field.Tag.Get("flag")
		flag := flags.Lookup(name)
		if flag == nil || flag.Usage == "" {
			t.Errorf("%s has no flag, or no help", field.Name)
			continue
		}
		if !strings.Contains(string(manual), "`--"+name+"`") {
			t.Errorf("docs/operating.md has no --%s", name)
		}
		zero := map[string]string{"duration": "0s", "int": "0"}[flag.Value.Type()]
		if err := flags.Set(name, zero); err != nil {
			t.Fatal(err)
		}
		if err := l.check(); err == nil || err.Error() != "--"+name+" must be more than 0" {
			t.Errorf("--%s %s: %v", name, zero, err)
		}
	}
}
