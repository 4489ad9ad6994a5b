package node

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opentcb/opentcb/internal/secretfile"
)

// tlsFiles are where one listener has its TLS from: PEM, the certificate before
// those that signed it. flag is what the flags that name them begin with.
type tlsFiles struct {
	flag, cert, key string
	clientCA        string // who signs the certificates of clients; "": they bring none
}

// check refuses one file without the other.
func (f tlsFiles) check() error {
	switch {
	case (f.cert == "") != (f.key == ""):
		return fmt.Errorf("--%stls-cert and --%stls-key go together", f.flag, f.flag)
	case f.clientCA != "" && f.cert == "":
		return fmt.Errorf("--%sclient-ca needs --%stls-cert and --%stls-key", f.flag, f.flag, f.flag)
	}
	return nil
}

// tlsFiles returns the files of both listeners.
func (c Config) tlsFiles() (api, operator tlsFiles) {
	return tlsFiles{"", c.TLSCert, c.TLSKey, ""}, tlsFiles{"admin-", c.AdminTLSCert, c.AdminTLSKey, c.AdminClientCA}
}

// certificate is what a listener shows of itself in TLS. It is read again when its
// files change: they are compared by content, since links and mounts say little by
// their times.
type certificate struct {
	files   tlsFiles
	log     *slog.Logger
	sum     [sha256.Size]byte // of the files, as they were read last
	current atomic.Pointer[tls.Config]
	expires atomic.Int64 // Unix seconds
	stale   atomic.Bool  // the files hold what cannot be used
}

// rereadEvery is how often the files are read. Those who change them expect it
// within a minute (TL-1).
const rereadEvery = 5 * time.Second

// openCertificate reads the files. They must be right at the start.
func openCertificate(files tlsFiles, log *slog.Logger) (*certificate, error) {
	c := &certificate{files: files, log: log}
	_, err := c.read()
	return c, err
}

// read takes up the files if they have changed, and reports that. On an error what
// was in use stays.
func (c *certificate) read() (changed bool, err error) {
	chain, err := os.ReadFile(c.files.cert)
	if err != nil {
		return false, fmt.Errorf("--%stls-cert: %w", c.files.flag, err)
	}
	key, err := secretfile.Read(c.files.key)
	if err != nil {
		return false, fmt.Errorf("--%stls-key: %w", c.files.flag, err)
	}
	var roots []byte
	if c.files.clientCA != "" {
		if roots, err = os.ReadFile(c.files.clientCA); err != nil {
			return false, fmt.Errorf("--%sclient-ca: %w", c.files.flag, err)
		}
	}
	sums := fmt.Appendf(nil, "%x %x %x", sha256.Sum256(chain), sha256.Sum256(key), sha256.Sum256(roots))
	if sum := sha256.Sum256(sums); sum != c.sum {
		c.sum = sum
		return true, c.use(chain, key, roots)
	}
	return false, nil
}

// use makes new connections get that certificate.
func (c *certificate) use(chain, key, roots []byte) error {
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return fmt.Errorf("--%stls-cert %s, --%stls-key %s: %w", c.files.flag, c.files.cert, c.files.flag, c.files.key, err)
	}
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"},
	}
	if c.files.clientCA != "" {
		cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		cfg.SessionTicketsDisabled = true // every connection is judged by the CA of now
		if !cfg.ClientCAs.AppendCertsFromPEM(roots) {
			return fmt.Errorf("--%sclient-ca %s holds no certificate in PEM", c.files.flag, c.files.clientCA)
		}
	}
	c.current.Store(cfg)
	c.expires.Store(pair.Leaf.NotAfter.Unix())
	return nil
}

// watch reads the files again and again until ctx ends. What is wrong with them is
// told once.
func (c *certificate) watch(ctx context.Context) {
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(rereadEvery):
		}
		changed, err := c.read()
		if err != nil && !changed { // what comes back, be it as it was, is another change
			c.sum = [sha256.Size]byte{}
		}
		switch {
		case err != nil && (changed || told != err.Error()):
			told = err.Error()
			c.stale.Store(true)
			c.log.Error("a changed certificate cannot be used: the one before is kept", "err", err)
		case changed:
			told = ""
			c.stale.Store(false)
			c.log.Info("a changed certificate is in use", "file", c.files.cert, "expires", time.Unix(c.expires.Load(), 0).UTC())
		}
	}
}

// ServerTLS returns the settings of a listener whose certificate and key are in files,
// which it reads again and again until ctx ends, as --tls-cert and --tls-key say; nil
// if both are "".
func ServerTLS(ctx context.Context, cert, key string, log *slog.Logger) (*tls.Config, error) {
	files := tlsFiles{cert: cert, key: key}
	if err := files.check(); err != nil || cert == "" {
		return nil, err
	}
	c, err := openCertificate(files, log)
	if err != nil {
		return nil, err
	}
	go c.watch(ctx)
	return &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.serverConfig(), nil },
	}, nil
}

// serverConfig is the settings of a connection, with the certificate of the moment.
func (c *certificate) serverConfig() *tls.Config { return c.current.Load() }

// errPlain is the answer to who speaks HTTP where TLS is expected.
var errPlain = []byte("HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
	"This address speaks HTTPS: ask for https://\n")

// looksLikeHTTP reports whether a handshake failed because the client speaks HTTP.
func looksLikeHTTP(err error) bool {
	wrong, ok := errors.AsType[tls.RecordHeaderError](err)
	if !ok || wrong.Conn == nil {
		return false
	}
	switch string(wrong.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "PATCH", "DELET", "OPTIO":
		return true
	}
	return false
}

// tlsListener is a listener whose connections speak TLS. Handshakes are made beside
// Accept, so that none holds up another, and before it returns, so that net/http gets
// HTTP/2 as it wants it and HTTP/1 with its head watched over.
type tlsListener struct {
	*listener
	config    func() *tls.Config
	handshake time.Duration // the longest
	failed    atomic.Int64  // handshakes

	results chan accepted
	closed  chan struct{}
	once    sync.Once
}

// accepted is what Accept returns.
type accepted struct {
	conn net.Conn
	err  error
}

// secured returns the listener with TLS, and begins to accept.
func (l *listener) secured(config func() *tls.Config, handshake time.Duration) *tlsListener {
	t := &tlsListener{
		listener: l, config: config, handshake: handshake,
		results: make(chan accepted), closed: make(chan struct{}),
	}
	go t.acceptAll()
	return t
}

// acceptAll accepts connections until the listener is closed. After the last one it
// waits for the handshakes under way: their calls are to be answered.
func (l *tlsListener) acceptAll() {
	var underWay sync.WaitGroup
	for {
		c, err := l.listener.Accept()
		if err == nil {
			underWay.Go(func() { l.shake(c, l.config()) })
			continue
		}
		ended := errors.Is(err, net.ErrClosed)
		if ended {
			underWay.Wait()
		}
		if !l.deliver(accepted{err: err}) || ended {
			return
		}
	}
}

// deliver hands a result to Accept, and reports whether anybody wanted it.
func (l *tlsListener) deliver(a accepted) bool {
	select {
	case l.results <- a:
		return true
	case <-l.closed:
		return false
	}
}

// shake makes the handshake of one connection.
func (l *tlsListener) shake(c net.Conn, config *tls.Config) {
	if plain, ok := c.(*conn); ok {
		plain.head.over = true // what it reads is no text
	}
	secure, err := shakeHands(c, config, l.handshake)
	if err != nil {
		l.failed.Add(1)
		if looksLikeHTTP(err) {
			_, _ = c.Write(errPlain)
		}
		c.Close()
		return
	}
	if !l.deliver(accepted{conn: watched(secure, l.listener)}) {
		c.Close()
	}
}

// shakeHands makes a handshake within a time.
func shakeHands(c net.Conn, config *tls.Config, within time.Duration) (*tls.Conn, error) {
	secure := tls.Server(c, config)
	_ = c.SetDeadline(time.Now().Add(within))
	if err := secure.Handshake(); err != nil {
		return nil, err
	}
	return secure, c.SetDeadline(time.Time{})
}

// watched returns a connection as net/http is to have it: HTTP/2 as it is, HTTP/1
// with its head watched over.
func watched(secure *tls.Conn, l *listener) net.Conn {
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		return secure
	}
	return &tlsConn{Conn: secure, listener: l}
}

// Accept returns the next connection whose handshake succeeded.
func (l *tlsListener) Accept() (net.Conn, error) {
	select {
	case a := <-l.results:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close closes the listener, which may be another's too.
func (l *tlsListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	if err := l.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// tlsConn is a connection of HTTP/1 in TLS.
type tlsConn struct {
	*tls.Conn
	listener *listener
	head     head
}

// Read reads, and refuses a header of too many lines.
func (c *tlsConn) Read(p []byte) (int, error) { return c.head.read(c.Conn, c.listener, p) }

func (c *tlsConn) watch() *head { return &c.head }
