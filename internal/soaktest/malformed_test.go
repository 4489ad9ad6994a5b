//go:build linux

package soaktest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// malformed are makers of requests that are none, each from a door.
var malformed = []struct {
	name string
	make func(r *rand.Rand, d door) string
}{
	{"random bytes", func(r *rand.Rand, d door) string { return noise(r, 1+r.IntN(4000)) }},
	{"random lines", func(r *rand.Rand, d door) string {
		return strings.ReplaceAll(noise(r, 500), " ", "\r\n") + "\r\n\r\n"
	}},
	{"random body", func(r *rand.Rand, d door) string { return withBody(d, noise(r, r.IntN(2000))) }},
	{"broken JSON", func(r *rand.Rand, d door) string {
		whole := `{"action":"set","env":"env-0-0","open":true,"api_whitelist":["/wxa/*"],"version":2,"function_name":"code"}`
		return withBody(d, whole[:r.IntN(len(whole))])
	}},
	{"wrong types", func(r *rand.Rand, d door) string {
		values := []string{`{}`, `[]`, `1e999`, `-1`, `"\ud800"`, `true`, `[[[]]]`, `"` + strings.Repeat("x", 5000) + `"`}
		v := values[r.IntN(len(values))]
		return withBody(d, fmt.Sprintf(`{"action":%s,"env":%s,"open":%s,"api_whitelist":%s,"version":%s,"function_name":%s}`, v, v, v, v, v, v))
	}},
	{"deep JSON", func(r *rand.Rand, d door) string { return withBody(d, strings.Repeat(`{"env":`, 20_000)) }},
	{"NULs", func(r *rand.Rand, d door) string {
		b := []byte(withBody(d, `{"env":"env-0-0"}`))
		for range 1 + r.IntN(5) {
			b[r.IntN(len(b))] = 0
		}
		return string(b)
	}},
	{"flipped bits", func(r *rand.Rand, d door) string {
		b := []byte(withBody(d, `{"env":"none"}`))
		for range 1 + r.IntN(5) {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		return string(b)
	}},
	{"cut off", func(r *rand.Rand, d door) string {
		whole := withBody(d, `{"env":"none","function_name":"none"}`)
		return whole[:r.IntN(len(whole))]
	}},
	{"body too short", func(r *rand.Rand, d door) string { return d.head + "Content-Length: 1000\r\n\r\n{}" }},
	{"body too long", func(r *rand.Rand, d door) string { return d.head + "Content-Length: 2\r\n\r\n{}" + noise(r, 300) }},
	{"bad length", func(r *rand.Rand, d door) string {
		lengths := []string{"-1", "+2", "0x2", "2, 3", "99999999999999999999", "two", "", "2\r\nContent-Length: 3"}
		return d.head + "Content-Length: " + lengths[r.IntN(len(lengths))] + "\r\n\r\n{}"
	}},
	{"length and chunks", func(r *rand.Rand, d door) string {
		return d.head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
	}},
	{"bad chunks", func(r *rand.Rand, d door) string {
		chunks := []string{"zz\r\n", "-1\r\n", "ffffffffffffffffff\r\n", "2\r\n{}{}", "2;" + strings.Repeat("x", 9000) + "\r\n{}\r\n", "5\r\n{}\r\n"}
		return d.head + "Transfer-Encoding: chunked\r\n\r\n" + chunks[r.IntN(len(chunks))]
	}},
	{"unknown coding", func(r *rand.Rand, d door) string { return d.head + "Transfer-Encoding: gzip, chunked\r\n\r\n{}" }},
	{"giant header", func(r *rand.Rand, d door) string {
		return d.head + "X-Giant: " + strings.Repeat("g", 100_000<<r.IntN(4)) + "\r\n\r\n"
	}},
	{"many headers", func(r *rand.Rand, d door) string { return d.head + strings.Repeat("X-Many: m\r\n", 20_000) + "\r\n" }},
	{"bad header", func(r *rand.Rand, d door) string {
		headers := []string{": x", "X Y: z", "X", " X: folded", "X\x00: y", "X: \x01", "Host: other", "Range: bytes=-" + noise(r, 20)}
		return d.head + headers[r.IntN(len(headers))] + "\r\n\r\n"
	}},
	{"bad path", func(r *rand.Rand, d door) string {
		paths := []string{"*", "tcb", "//", "/%zz", "/../..", "/tcb/%00", "http://[::1", "/" + strings.Repeat("a/", 4000), "/tcb/getcodesecret?%zz&;="}
		return "POST " + paths[r.IntN(len(paths))] + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
	}},
	{"bad version", func(r *rand.Rand, d door) string {
		versions := []string{"HTTP/9.9", "HTTP/1.1.1", "HTP/1.1", "HTTP/0.9", "HTTP/2.0", ""}
		return "GET / " + versions[r.IntN(len(versions))] + "\r\nHost: x\r\n\r\n"
	}},
	{"HTTP/2 preface", func(r *rand.Rand, d door) string { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + noise(r, 100) }},
	{"TLS hello", func(r *rand.Rand, d door) string {
		return "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise(r, 500)
	}},
	{"false token", func(r *rand.Rand, d door) string {
		return fmt.Sprintf("POST /tcb/getcodesecret?access_token=%x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", noise(r, 1+r.IntN(3000)))
	}},
	{"false signature", func(r *rand.Rand, d door) string {
		return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nX-TC-Token: %x\r\nAuthorization: TC3-HMAC-SHA256 Credential=%x\r\n"+
			"X-TC-Action: UpdateFunctionCode\r\nContent-Length: 2\r\n\r\n{}", noise(r, 60), noise(r, 60))
	}},
	{"false link", func(r *rand.Rand, d door) string {
		return fmt.Sprintf("GET /download/%x HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0,%s\r\n\r\n", noise(r, 100), strings.Repeat("0-0,", 500))
	}},
}

func withBody(d door, body string) string {
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", d.head, len(body), body)
}

func noise(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// sendMalformed sends one request and expects an end: an answer that calls it
// nobody's fault but the caller's, or no answer at all.
func sendMalformed(d door, request string) error {
	conn, err := d.way.dialRaw(d.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(endsWithin))
	io.WriteString(conn, request) // the server may have ended it before
	conn.CloseWrite()
	_, err = judge(conn)
	return err
}

// judge reads what comes in a connection until it ends, and returns the status
// of the first answer, 0 if there is none.
func judge(conn net.Conn) (status int, err error) {
	all, err := io.ReadAll(io.LimitReader(conn, 1<<20))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, fmt.Errorf("the connection is not ended after %v", endsWithin)
	}
	answers := bufio.NewReader(bytes.NewReader(all))
	for {
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			return status, nil // broken off, or the end
		}
		body, _ := io.ReadAll(res.Body)
		if status == 0 {
			status = res.StatusCode
		}
		var head tcb.Status
		if json.Unmarshal(body, &head) != nil {
			head.ErrCode = 0
		}
		if res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented &&
			res.StatusCode != http.StatusHTTPVersionNotSupported ||
			head.ErrCode == tcb.SystemError || head.ErrCode == tcb.SystemBusy || bytes.Contains(body, []byte("InternalError")) {
			return status, fmt.Errorf("the server takes a bad request for its own fault: status %d, %.200q", res.StatusCode, body)
		}
	}
}
