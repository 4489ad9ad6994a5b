//go:build linux

package soaktest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// TestHalfClosedCall makes whole calls in connections whose sending half is
// ended at once, as some clients do: it is no less a call. The server sees the
// end of file while it works, and may not take it for the caller's going away.
func TestHalfClosedCall(t *testing.T) {
	s := start(t, launch{binary: watched(), data: filepath.Join(t.TempDir(), "data"), world: newWorld(t, 1)})
	c := login(t, s, 1)[0]
	refused := 0
	for n := range 500 {
		body, err := json.Marshal(tcb.UseCloudAccessTokenRequest{
			Action: ptr("set"), Env: ptr(envid(0, 0)), Open: ptr(true),
			APIWhitelist: ptr([]string{fmt.Sprintf("/wxa/n%d", n)}), Version: ptr(tcb.Integer(2 + 2*n)),
		})
		must(t, "a body", err)
		if err := halfClosedCall(s, c.token, body); err != nil {
			if refused++; refused <= 3 {
				t.Errorf("set %d in a half-closed connection: %v", n, err)
			}
		}
	}
	if refused > 0 {
		t.Errorf("%d of 500 sets in half-closed connections failed", refused)
	}
	s.stop()
}

func halfClosedCall(s *server, token string, body []byte) error {
	address := strings.TrimPrefix(s.api, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /tcb/usecloudaccesstoken?access_token=%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s",
		token, address, len(body), body)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	return decode(res.StatusCode, answer, nil)
}
