package node_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// TestDecisionsAtOnce asks about many calls at once, of several environments and
// with several outcomes: each is answered as if it were alone, and with whose
// call it is.
//
// Proves: CC-7
func TestDecisionsAtOnce(t *testing.T) {
	b := startBench(t)
	b.clients()
	type question struct {
		env, account, path string
		status             int
		code               tcb.Code
	}
	var asked []question
	for i := range 4 {
		asked = append(asked,
			question{"env-all", "wx00000000000000a2", fmt.Sprintf("/wxa/all-%d", i), http.StatusOK, tcb.OK},
			question{"env-one", oneAccount, fmt.Sprintf("/wxa/one-%d", i), http.StatusForbidden, tcb.NotInWhitelist},
			question{"env-all", "", fmt.Sprintf("/wxa/x/../%d", i), http.StatusForbidden, tcb.NotInWhitelist},
			question{"", "", fmt.Sprintf("/wxa/none-%d", i), http.StatusUnauthorized, tcb.InvalidToken},
		)
	}
	tokens := map[string]string{"": "false"}
	for _, env := range []string{"env-all", "env-one"} {
		token, err := b.admin().CloudbaseToken(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		tokens[env] = token.Token
	}
	for _, err := range atOnce(func(i int) error {
		q := asked[i]
		req, err := http.NewRequest(http.MethodGet, b.node.APIURL()+"/decide", nil)
		if err != nil {
			return err
		}
		req.Header.Set("X-Original-URI", q.path+"?cloudbase_access_token="+tokens[q.env])
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		h := resp.Header
		if resp.StatusCode != q.status || h.Get("X-Opentcb-Errcode") != fmt.Sprint(int(q.code)) {
			return fmt.Errorf("%+v: HTTP %d, %v", q, resp.StatusCode, h)
		}
		if q.status == http.StatusOK && (h.Get("X-WX-APPID") != q.account || h.Get("X-WX-ENV") != q.env ||
			h.Get("X-Opentcb-Uri") != q.path) {
			return fmt.Errorf("%+v: %v", q, h)
		}
		return nil
	}) {
		if err != nil {
			t.Error(err)
		}
	}
}
