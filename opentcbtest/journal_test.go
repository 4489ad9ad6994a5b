package opentcbtest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// TestFaultAndJournal: a fault that is injected, and calls that are waited for.
//
// Proves: FA-2, JN-3
func TestFaultAndJournal(t *testing.T) {
	t.Parallel()
	srv := New(t, World{})
	c := srv.Client(DefaultPlatform, DefaultAppID)
	key, err := c.GetCodeSecret(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	srv.Fault(Fault{Interface: "getcodesecret", Times: 1, ErrCode: int(tcb.SystemBusy), ErrMsg: "of the test"})
	_, err = c.GetCodeSecret(t.Context())
	if e, ok := errors.AsType[*tcb.Error](err); !ok || e.Code != tcb.SystemBusy || !strings.Contains(e.Error(), "of the test") {
		t.Errorf("injected: %v", err)
	}
	calls := srv.WaitFor(t, Filter{Interface: "getcodesecret", AppID: DefaultAppID}, 2)
	if calls[0].Fault != "" || calls[1].Fault != "errcode -1" || calls[1].ErrCode != -1 ||
		calls[1].Platform != DefaultPlatform || !strings.Contains(calls[0].Answer, Mask("key", key)) || calls[0].At.IsZero() {
		t.Errorf("%+v", calls)
	}
	if _, err := c.GetCloudAccessToken(t.Context(), DefaultEnv); err != nil {
		t.Fatal(err)
	}
	code := int(tcb.InvalidArgs)
	_, missing := srv.await(Filter{Interface: "usecloudaccesstoken", ErrCode: &code}, 1, 20*time.Millisecond)
	if !strings.HasPrefix(missing, "0 of 1 calls came within 20ms; instead:\n  1 call of usecloudaccesstoken, get: errcode 0 instead of 40097") {
		t.Errorf("missing: %s", missing)
	}
	srv.ClearFaults()
	srv.ClearJournal()
	if calls := srv.Journal(); len(calls) != 0 {
		t.Errorf("%d calls after all was forgotten", len(calls))
	}
}
