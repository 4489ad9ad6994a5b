package runner

import (
	"bytes"
	"log/slog"
	"os"
	"sync"
)

// The bounds of what a function prints (RN-5).
const (
	maxLine  = 8 << 10 // bytes
	maxLines = 1000    // of one event
)

// output brings what an instance prints to the log, line by line, with the request
// that it belongs to: what comes after an answer still belongs to that.
type output struct {
	log     *slog.Logger
	streams []*stream

	mu    sync.Mutex
	rid   string
	lines int // of this request
}

// stream is what an instance prints in one way. Its bytes are of output.mu.
type stream struct {
	name string
	pipe *os.File      // the end that is read
	read [maxLine]byte // what came last
	line []byte        // what has come of a line, as far as it is kept
}

// begin says that what comes belongs to another request. What was printed before is in
// the pipes by now, and is read first: there is no more of it than they hold.
func (o *output) begin(rid string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.streams {
		pipe, err := s.pipe.SyscallConn()
		if err != nil {
			continue
		}
		_ = pipe.Control(func(fd uintptr) {
			for room := 16 * os.Getpagesize(); room > 0; {
				n, _ := o.take(s, fd)
				if n == 0 {
					break
				}
				room -= n
			}
		})
		o.end(s)
	}
	o.rid, o.lines = rid, 0
}

// follow reads a stream to its end. All of it is read, so that nobody who prints waits.
func (o *output) follow(s *stream) {
	pipe, err := s.pipe.SyscallConn()
	for ended := false; err == nil && !ended; {
		err = pipe.Read(func(fd uintptr) bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			n, more := o.take(s, fd)
			ended = n == 0 && !more
			return n > 0 || ended
		})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end(s)
}

// take reads what a pipe has, without waiting, and brings the lines of it to the log.
// Where it has nothing, more reports whether something may come.
func (o *output) take(s *stream, fd uintptr) (n int, more bool) {
	n, more = readNow(fd, s.read[:])
	for text := s.read[:n]; len(text) > 0; {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		// The rest of a line that is too long is left out.
		s.line = append(s.line, line[:min(len(line), maxLine-len(s.line))]...)
		if text = rest; ended {
			o.print(s)
		}
	}
	return n, more
}

// end brings a line to the log that nothing has ended.
func (o *output) end(s *stream) {
	if len(s.line) > 0 {
		o.print(s)
	}
}

func (o *output) print(s *stream) {
	line := string(bytes.TrimRight(s.line, "\r"))
	s.line = s.line[:0]
	if o.lines++; o.lines > maxLines {
		if o.lines == maxLines+1 {
			o.log.Warn("output left out from here", "rid", o.rid, "after_lines", maxLines)
		}
		return
	}
	o.log.Info("output", "rid", o.rid, "stream", s.name, "line", line)
}
