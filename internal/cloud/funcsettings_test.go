package cloud

import (
	"slices"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// TestTakenLater: a configuration that was kept before a name was taken loses that
// variable, and nothing else.
//
// Proves: FC-1
func TestTakenLater(t *testing.T) {
	f := FuncSettings{}
	err := f.read(tcb.FuncConfigProcess, `{"timeout":7,"environment":[{"key":"A","value":"1"},
		{"key":"NODE_EXTRA_CA_CERTS","value":"2"},{"key":"https_proxy","value":"3"},{"key":"NODE_ENV","value":"4"}]}`)
	if want := []Variable{{"A", "1"}, {"NODE_ENV", "4"}}; err != nil || f.Timeout != 7 || !slices.Equal(f.Environment, want) {
		t.Errorf("%v, %v", f, err)
	}
}
