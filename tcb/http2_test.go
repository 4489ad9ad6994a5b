package tcb

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// peer is the server's end of a connection of HTTP/2, whose frames a test writes by
// hand.
type peer struct {
	*http2.Framer
	conn   *tls.Conn
	stream uint32 // of the latest call
}

// goAway says up to which call the server has begun, and then no more.
func (p *peer) goAway(last uint32, code http2.ErrCode) error {
	return errors.Join(p.WriteGoAway(last, code, nil), p.conn.CloseWrite())
}

// next waits for a call, and reports whether there is one.
func (p *peer) next() bool {
	for {
		frame, err := p.ReadFrame()
		if err != nil {
			return false
		}
		if d, ok := frame.(*http2.DataFrame); ok && d.StreamEnded() {
			p.stream = d.StreamID
			return true
		}
	}
}

// answer begins an answer to the latest call, and ends it if it is to be whole.
func (p *peer) answer(whole bool) error {
	var header bytes.Buffer
	err := hpack.NewEncoder(&header).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	text := []byte(`{"errcode":0,"errmsg":"ok","codesecret":"secret"}`)
	if !whole {
		text = text[:10]
	}
	return errors.Join(err,
		p.WriteHeaders(http2.HeadersFrameParam{StreamID: p.stream, BlockFragment: header.Bytes(), EndHeaders: true}),
		p.WriteData(p.stream, whole, text))
}

// serveFrames runs a server that has act answer each call, of which it says how many
// there were before.
func serveFrames(t *testing.T, act func(p *peer, before int) error) *httptest.Server {
	var calls atomic.Int64
	srv := httptest.NewUnstartedServer(nil)
	srv.EnableHTTP2 = true
	srv.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		"h2": func(_ *http.Server, conn *tls.Conn, _ http.Handler) {
			defer conn.Close()
			p := &peer{Framer: http2.NewFramer(conn, conn), conn: conn}
			_, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface)))
			err = errors.Join(err, p.WriteSettings())
			for err == nil && p.next() {
				err = act(p, int(calls.Add(1))-1)
			}
			if err != nil {
				t.Error(err)
			}
		},
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

// TestBreaksOffOverHTTP2: a call whose stream or connection ends is told as one whose
// connection breaks without HTTP/2, whatever ends it, before its answer and within it.
func TestBreaksOffOverHTTP2(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *peer) error{
		"closed":         func(p *peer) error { return p.conn.CloseWrite() },
		"RST_STREAM":     func(p *peer) error { return p.WriteRSTStream(p.stream, http2.ErrCodeInternal) },
		"GOAWAY":         func(p *peer) error { return p.goAway(p.stream, http2.ErrCodeNo) },
		"GOAWAY, error":  func(p *peer) error { return p.goAway(p.stream, http2.ErrCodeInternal) },
		"GOAWAY before":  func(p *peer) error { return p.goAway(0, http2.ErrCodeEnhanceYourCalm) },
		"no right frame": func(p *peer) error { return p.WriteRawFrame(http2.FrameWindowUpdate, 0, 0, nil) },
	} {
		for _, begun := range []bool{false, true} {
			srv := serveFrames(t, func(p *peer, _ int) error {
				if begun {
					if err := p.answer(false); err != nil {
						return err
					}
				}
				return end(p)
			})
			c := &Client{BaseURL: srv.URL, HTTP: srv.Client(), Tokens: StaticToken("token")}
			_, err := c.GetCodeSecret(t.Context())
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s, begun %t: %v", name, begun, err)
			}
		}
	}
}

// TestNotBegunOverHTTP2: what the server says it has not begun is sent once more.
func TestNotBegunOverHTTP2(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(p *peer) error{
		"REFUSED_STREAM": func(p *peer) error { return p.WriteRSTStream(p.stream, http2.ErrCodeRefusedStream) },
		"GOAWAY":         func(p *peer) error { return p.goAway(p.stream-1, http2.ErrCodeNo) },
	} {
		srv := serveFrames(t, func(p *peer, before int) error {
			if before == 0 {
				return refuse(p)
			}
			return p.answer(true)
		})
		c := &Client{BaseURL: srv.URL, HTTP: srv.Client(), Tokens: StaticToken("token")}
		if secret, err := c.GetCodeSecret(t.Context()); err != nil || secret != "secret" {
			t.Errorf("%s: %q, %v", name, secret, err)
		}
	}
}

// TestUploadRefusedOverHTTP2: an upload cannot be sent again by net/http, and is told
// as what breaks off.
func TestUploadRefusedOverHTTP2(t *testing.T) {
	t.Parallel()
	srv := serveFrames(t, func(p *peer, _ int) error {
		return p.WriteRSTStream(p.stream, http2.ErrCodeRefusedStream)
	})
	c := &Client{BaseURL: srv.URL, HTTP: srv.Client()}
	err := c.sendUpload(t.Context(), http.Header{"Host": {srv.Listener.Addr().String()}}, []byte("{}"), nil)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}
