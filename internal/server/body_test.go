package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// openCall is a call without a token.
const openCall = "/cgi-bin/component/api_component_token"

// A caller of whom nothing is known has 16 KiB for its body.
//
// Proves: EN-9
func TestOpenBody(t *testing.T) {
	s := newFixture(t, Config{})
	object := fmt.Sprintf(`{"component_appid":%q,"component_appsecret":"s","component_verify_ticket":"t"}`, platform)
	for _, c := range []struct {
		size int
		want tcb.Code
	}{{16 << 10, tcb.InvalidAppSecret}, {16<<10 + 1, tcb.MalformedBody}, {1 << 20, tcb.MalformedBody}} {
		body := object + strings.Repeat(" ", c.size-len(object))
		for _, chunked := range []bool{false, true} {
			r := httptest.NewRequest(http.MethodPost, openCall, strings.NewReader(body))
			if chunked {
				r.ContentLength = -1
			}
			var answer tcb.Status
			s.serve(t, r, &answer)
			if answer.ErrCode != c.want {
				t.Errorf("%d bytes, chunked %t: %+v, want %d", c.size, chunked, answer, c.want)
			}
		}
	}
}

// TestBodyBudget holds bodies in memory until there is no more room for those of
// callers without a token. They are refused in their envelope, callers with a
// token and small bodies are not, and there is room again when the bodies have
// gone.
func TestBodyBudget(t *testing.T) {
	const each = maxOpenBody
	s := newFixture(t, Config{BodyBytes: 4 * 3 * each})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	held := make([]net.Conn, 3)
	for i := range held {
		held[i] = sendPart(t, web, openCall, each, each-1)
	}
	waitFor(t, func() bool { return s.bodies.open.Load() == 3*each })

	large := strings.Repeat(" ", each-2)
	var answer tcb.Status
	s.post(t, openCall, "{}"+large, &answer)
	if answer.ErrCode != tcb.MinuteQuota {
		t.Errorf("without room: %+v", answer)
	}
	s.post(t, openCall, "{}", &answer)
	if answer.ErrCode != tcb.MissingParameter {
		t.Errorf("a small body: %+v", answer)
	}
	s.post(t, "/tcb/createfunction?access_token="+s.token(t), "{}"+large, &answer)
	if answer.ErrCode != tcb.MissingParameter {
		t.Errorf("with a token: %+v", answer)
	}
	for _, c := range held {
		c.Close()
	}
	waitFor(t, func() bool { return s.bodies.open.Load() == 0 && s.bodies.all.Load() == 0 })
	s.post(t, openCall, "{}"+large, &answer)
	if answer.ErrCode != tcb.MissingParameter {
		t.Errorf("afterwards: %+v", answer)
	}
}

// TestForms: a form of the consent page is one of those bodies, refused with a page.
//
// Proves: EN-9, CO-9
func TestForms(t *testing.T) {
	const (
		each = maxOpenBody
		page = "/cgi-bin/componentloginpage?component_appid=" + platform

		cannotRead = "无法读取表单"
	)
	s := newFixture(t, Config{BodyBytes: 4 * each})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	send := func(size int) (status int, text string) {
		body := "decision=refuse&" + strings.Repeat("x", size-16)
		resp, err := http.Post(web.URL+page, "application/x-www-form-urlencoded", strings.NewReader(body))
		must(t, err)
		defer resp.Body.Close()
		all, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp.StatusCode, string(all)
	}
	if status, text := send(each + 1); status != http.StatusBadRequest || !strings.Contains(text, cannotRead) {
		t.Errorf("too large: %d %s", status, text)
	}
	if status, text := send(each); status != http.StatusBadRequest || strings.Contains(text, cannotRead) {
		t.Errorf("as large as it may be: %d %s", status, text)
	}
	held := sendPart(t, web, page, each, each-1)
	waitFor(t, func() bool { return s.bodies.open.Load() == each })
	if status, text := send(each); status != http.StatusTooManyRequests || !strings.Contains(text, "稍后重试") {
		t.Errorf("without room: %d %s", status, text)
	}
	if status, text := send(500); status != http.StatusBadRequest {
		t.Errorf("a small one: %d %s", status, text)
	}
	held.Close()
	waitFor(t, func() bool { return s.bodies.open.Load() == 0 && s.bodies.all.Load() == 0 })
}

// sendPart begins a request without a token, and leaves a part of its body out.
func sendPart(t *testing.T, web *httptest.Server, path string, size, sent int) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", web.Listener.Addr().String())
	must(t, err)
	t.Cleanup(func() { c.Close() })
	w := bufio.NewWriter(c)
	fmt.Fprintf(w, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", path, size, strings.Repeat(" ", sent))
	must(t, w.Flush())
	return c
}

// A body is read once and again for what is missing, however much that is.
func TestMissingIsLinear(t *testing.T) {
	many := strings.Builder{}
	for i := range 10_000 {
		fmt.Fprintf(&many, `,"m%x":0`, i)
	}
	allocations := func(body string) float64 {
		return testing.AllocsPerRun(3, func() {
			_, err := decode([]byte(body), func(r *tcb.ComponentTokenRequest) []member {
				return []member{
					{"component_appid", r.ComponentAppID == nil},
					{"component_appsecret", r.ComponentAppSecret == nil},
					{"component_verify_ticket", r.ComponentVerifyTicket == nil},
				}
			})
			if k := cloud.KindOf(err); k != cloud.InvalidArgs {
				t.Fatal(err)
			}
		})
	}
	one := allocations(`{"component_appid":1,"component_appsecret":"s","component_verify_ticket":"t"` + many.String() + "}")
	three := allocations(`{"component_appid":1,"component_appsecret":1,"component_verify_ticket":1` + many.String() + "}")
	if three > one*1.5 {
		t.Errorf("%.0f allocations for three members of a wrong type, %.0f for one", three, one)
	}
}
