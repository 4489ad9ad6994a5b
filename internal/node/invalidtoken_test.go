package node_test

import (
	"errors"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// TestInvalidCredential: where the operator chose 40001, a token that is not
// genuine or not the latest is answered so. One of an authorization that is void
// is 40014 as ever: there is nothing to renew.
//
// Proves: EN-14
func TestInvalidCredential(t *testing.T) {
	b := startBench(t)
	b.cfg.InvalidToken = int(tcb.InvalidCredential)
	if _, err := b.restart(); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, token tcb.StaticToken, want tcb.Code) {
		t.Helper()
		_, err := (&tcb.Client{BaseURL: b.node.APIURL(), Tokens: token}).GetCodeSecret(t.Context())
		if e, ok := errors.AsType[*tcb.Error](err); !ok || e.Code != want {
			t.Errorf("%s: %v, want %d", what, err, want)
		}
	}
	refused("not genuine", "x", tcb.InvalidCredential)
	if code := b.cloudCall("GET", "/wxa/x", "x"); code != tcb.InvalidCredential {
		t.Errorf("a cloud call: %d", code)
	}

	_, developer := b.clients()
	first := developer.Tokens.(tcb.StaticToken)
	_, developer = b.clients()
	latest := developer.Tokens.(tcb.StaticToken)
	b.offset.Add(int64(6 * time.Minute))
	refused("superseded", first, tcb.InvalidCredential)
	if err := (operator{b}).Revoke(onePlatform, oneAccount); err != nil {
		t.Fatal(err)
	}
	refused("cancelled", latest, tcb.NotAuthorized)
	if _, err := (operator{b}).Authorize(onePlatform, oneAccount, []int{49}); err != nil {
		t.Fatal(err)
	}
	refused("void", latest, tcb.InvalidToken)
}
