package delivery

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/opentcb/opentcb/internal/cloud"
)

// The bounds of one push (PU-10, PU-12).
const (
	connectTime = 5 * time.Second // until the connection stands
	answerTime  = 5 * time.Second // from then on
	answerRead  = 64 << 10        // bytes of head and body, each
	answerKept  = 1 << 10
	faultKept   = 200
)

// success is what receivers answer by WeChat's documentation.
const success = "success"

// NewSender returns what pushes are sent with. Each has a connection of its own: one
// that was kept may be closed just when it is used again, and which of two pushes
// arrived would not be known. There is no HTTP/2, and no proxy.
func NewSender(roots *x509.CertPool) *http.Transport {
	const late = 2 * connectTime // Send gives up before, in its own words
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: late}).DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		TLSHandshakeTimeout: late,
		DisableKeepAlives:   true, DisableCompression: true, MaxResponseHeaderBytes: answerRead,
	}
}

// The ends of a push's time.
var (
	errConnect = fmt.Errorf("no connection within %v", connectTime)
	errAnswer  = fmt.Errorf("no answer within %v", answerTime)
)

// Send sends a letter. Redirects are not followed.
func Send(ctx context.Context, by http.RoundTripper, l cloud.Letter) cloud.Delivered {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(connectTime, func() { cancel(errConnect) })
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		if late.Stop() && !connected.Swap(true) {
			time.AfterFunc(answerTime, func() { cancel(errAnswer) })
		}
	}}
	traced := httptrace.WithClientTrace(ctx, trace)
	req, err := http.NewRequestWithContext(traced, http.MethodPost, l.URL, bytes.NewReader(l.Body))
	if err != nil {
		return cloud.Delivered{Fault: "the address cannot be called"}
	}
	req.Header = http.Header{
		"Content-Type": {"text/xml"}, "User-Agent": {"Mozilla/4.0"}, "Accept": {"*/*"},
	}
	resp, err := by.RoundTrip(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return cloud.Delivered{Fault: shown(fault(err), faultKept, l.Secret)}
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, answerRead)) // what came of it
	d := cloud.Delivered{
		OK: resp.StatusCode == http.StatusOK, Status: resp.StatusCode,
		Success: string(answer) == success, Answer: shown(string(answer), answerKept, l.Secret),
	}
	if !d.OK {
		d.Fault = fmt.Sprintf("it answered %d", resp.StatusCode)
	}
	return d
}

// fault says why there was no answer, in words for the operator.
func fault(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return "its name cannot be resolved: " + e.Err
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not good: " + e.Err.Error()
	}
	if errors.Is(err, io.EOF) {
		return "it closed the connection without an answer"
	}
	return err.Error()
}

// shown is the beginning of a text that a receiver sent, as it can be stored and
// shown: valid, printable, and without the ticket or code of the push, which the
// receiver may have sent back.
func shown(text string, most int, secret string) string {
	if secret != "" {
		text = strings.ReplaceAll(text, secret, "…")
	}
	text = strings.ToValidUTF8(text[:min(len(text), most)], "?")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) && r != '\n' && r != '\t' {
			return '?'
		}
		return r
	}, text)
}
