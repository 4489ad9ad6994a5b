package wirescript

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	answerLimit   = 64 << 20
	answerTimeout = 30 * time.Second
)

// newClient makes a client that shows an answer as it came: no redirect is
// followed, nothing unpacked.
func newClient(secure *tls.Config) *http.Client {
	if secure != nil {
		secure = secure.Clone() // the transport adds HTTP/2 to its own
	}
	return &http.Client{
		Timeout: answerTimeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableCompression: true, MaxIdleConnsPerHost: 16,
			TLSClientConfig: secure, ForceAttemptHTTP2: secure != nil,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send sends the request and reads the answer.
func (s *requestStep) send(r *run) (*answer, error) {
	if s.raw {
		return s.sendRaw(r)
	}
	request, err := s.build(r)
	if err != nil {
		return nil, err
	}
	return r.p.do(request)
}

// build makes the HTTP request with all values put in.
func (s *requestStep) build(r *run) (*http.Request, error) {
	target, err := s.target.expand(r)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(target, "http://") && !strings.HasPrefix(target, "https://") {
		target = r.p.url + target
	}
	body, err := s.body.expand(r)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(s.method, target, strings.NewReader(body))
	if err != nil {
		return nil, errors.New("no URL") // the error would show a token
	}
	if s.body == nil {
		request.Body, request.ContentLength = http.NoBody, 0
	}
	return request, s.addHeaders(r, request)
}

// addHeaders sets the signed headers, then the request's own.
func (s *requestStep) addHeaders(r *run, request *http.Request) error {
	signed, err := s.signed.expand(r)
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(signed, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			setHeader(request, name, strings.TrimSpace(value))
		}
	}
	for _, h := range s.headers {
		value, err := h.value.expand(r)
		if err != nil {
			return err
		}
		setHeader(request, h.name, value)
	}
	return nil
}

// setHeader sets a header, or takes it away with an empty value.
func setHeader(request *http.Request, name, value string) {
	switch {
	case strings.EqualFold(name, "Host"):
		request.Host = value
	case value == "":
		request.Header.Del(name)
	default:
		request.Header.Set(name, value)
	}
}

// do sends a request and reads the answer; one that breaks off is an answer too.
func (p *Player) do(request *http.Request) (*answer, error) {
	got := &answer{length: -1}
	response, err := p.client.Do(request.WithContext(p.target.Context))
	if err == nil {
		defer response.Body.Close()
		got.status, got.header, got.length = response.StatusCode, response.Header, response.ContentLength
		got.body, err = io.ReadAll(io.LimitReader(response.Body, answerLimit))
	}
	if fault, ok := errors.AsType[*url.Error](err); ok {
		err = fault.Err // without the URL, which holds a token
	}
	_, reset := errors.AsType[streamError](err)
	switch {
	case err == nil:
		return got, nil
	case reset, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		got.broken = fmt.Errorf("the answer breaks off after %d bytes: %w", len(got.body), err)
		return got, nil
	}
	return nil, fmt.Errorf("no answer: %w", err)
}

// streamError is what net/http makes of a stream of HTTP/2 that breaks off.
type streamError struct {
	StreamID, Code uint32
	Cause          error
}

// Error tells the code.
func (e streamError) Error() string { return fmt.Sprintf("a stream was reset with code %d", e.Code) }
