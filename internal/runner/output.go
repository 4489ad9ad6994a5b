package runner

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
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
	log *slog.Logger

	mu    sync.Mutex
	rid   string
	lines int // of this request
}

// begin says that what comes belongs to another request.
func (o *output) begin(rid string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rid, o.lines = rid, 0
}

// read reads a stream to its end. All of it is read, so that nobody who prints waits.
func (o *output) read(r io.Reader, stream string) {
	lines := bufio.NewReaderSize(r, maxLine)
	for cut := false; ; {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 && !cut { // the rest of a line that is too long is left out
			o.line(stream, bytes.TrimRight(line, "\r\n"))
		}
		cut = errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !cut {
			return
		}
	}
}

func (o *output) line(stream string, line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lines++; o.lines > maxLines {
		if o.lines == maxLines+1 {
			o.log.Warn("output left out from here", "rid", o.rid, "after_lines", maxLines)
		}
		return
	}
	o.log.Info("output", "rid", o.rid, "stream", stream, "line", string(line))
}
