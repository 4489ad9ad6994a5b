package wirescript

import (
	"bytes"
	"io"
	"sync"
)

// stalling is a request body that sends white space and then hangs until it
// is stopped.
type stalling struct {
	left    int
	once    sync.Once
	release chan struct{}
}

func (s *stalling) Read(b []byte) (int, error) {
	if s.left == 0 {
		<-s.release
		return 0, io.EOF
	}
	n := copy(b, bytes.Repeat([]byte(" "), min(len(b), s.left)))
	s.left -= n
	return n, nil
}

// Close is called by the HTTP client when the answer has come.
func (s *stalling) Close() error {
	s.stop()
	return nil
}

func (s *stalling) stop() { s.once.Do(func() { close(s.release) }) }
