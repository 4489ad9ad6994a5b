package wirescript

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// sendRaw sends a request whose target is written in quotes, byte for byte:
// an HTTP client would refuse or repair it. Headers go as they are written
// too, the same name more than once if a script says so.
func (s *requestStep) sendRaw(r *run) (*answer, error) {
	target, err := s.target.expand(r)
	if err != nil {
		return nil, err
	}
	body, err := s.body.expand(r)
	if err != nil {
		return nil, err
	}
	server, err := url.Parse(r.p.url)
	if err != nil {
		return nil, err
	}
	host, lines := server.Host, ""
	for _, h := range s.headers {
		value, err := h.value.expand(r)
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(h.name, "Host") {
			host = value
			continue
		}
		lines += h.name + ": " + value + "\r\n"
	}
	if body != "" && !s.sizes() {
		lines += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", s.method, target, host, lines)
	return r.p.exchange(server, s.method, head+body)
}

// sizes reports whether the script itself says how long the body is.
func (s *requestStep) sizes() bool {
	for _, h := range s.headers {
		if strings.EqualFold(h.name, "Content-Length") || strings.EqualFold(h.name, "Transfer-Encoding") {
			return true
		}
	}
	return false
}

// exchange writes a request on a connection of its own and reads the answer.
func (p *Player) exchange(server *url.URL, method, request string) (*answer, error) {
	conn, err := p.dial(server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, fmt.Errorf("no request: %w", err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil, fmt.Errorf("no answer: %w", err)
	}
	defer response.Body.Close()
	got := &answer{status: response.StatusCode, header: response.Header, length: response.ContentLength}
	got.body, err = io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		got.broken, err = fmt.Errorf("the answer breaks off after %d bytes: %w", len(got.body), err), nil
	}
	return got, err
}

func (p *Player) dial(server *url.URL) (net.Conn, error) {
	secure := server.Scheme == "https"
	port := "80"
	if secure {
		port = "443"
	}
	address := net.JoinHostPort(server.Hostname(), cmp.Or(server.Port(), port))
	if secure {
		return tls.Dial("tcp", address, p.target.TLS)
	}
	return net.DialTimeout("tcp", address, answerTimeout)
}
