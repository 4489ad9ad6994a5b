package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/opentcb/opentcb/internal/stall"
)

var (
	// errUnjudged is a call without a path: only a judgement makes one (CC-2).
	errUnjudged = errors.New("the call was not judged")
	// errTunnel is a CONNECT, whose answer would be a tunnel; what goes through
	// it could not be judged.
	errTunnel = errors.New("a tunnel is not forwarded")
	// errStatus is the answer of an upstream that changes the protocol,
	// though it was not asked to, or that has a status below all others.
	errStatus = errors.New("the upstream's status is not that of an answer")
	// errClosed is no answer at all.
	errClosed = errors.New("the upstream closed the connection")
	// errGarbage is everything else. What net/http says of it quotes the
	// upstream, which may have sent back what it was sent.
	errGarbage = errors.New("the upstream gave no HTTP answer")
)

// cause returns why there was no answer, in words that hold nothing of the
// call. err is the judgement of the call's watch.
func (g *Gateway) cause(caller context.Context, err error) error {
	switch {
	case errors.Is(err, stall.ErrStalled):
		return fmt.Errorf("no answer within %v without progress", g.timeout)
	case errors.Is(err, stall.ErrTooLong):
		return fmt.Errorf("no answer within %v", g.transferTime)
	case caller.Err() != nil:
		return fmt.Errorf("the caller went away: %w", caller.Err())
	}
	return safe(err)
}

// safe returns the errors whose texts are known to be made of addresses, names
// of certificates and fixed words, and errGarbage in place of others.
func safe(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	if cert, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return cert
	}
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return record
	}
	switch {
	case errors.Is(err, errStatus):
		return errStatus
	case errors.Is(err, http.ErrSchemeMismatch):
		return http.ErrSchemeMismatch
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errClosed
	}
	return errGarbage
}
