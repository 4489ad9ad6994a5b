package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// logQueue is how many lines of the log wait for a reader that is slow; further
// ones are lost, since nobody waits for the log.
const logQueue = 1024

// logEnd is how long the end of a process waits for the reader of its log.
const logEnd = time.Second

// logWriter writes the log of a process that runs for long. Whoever logs does
// not wait for the log's reader, which may stand still or have gone away: such
// lines are lost, and are counted.
type logWriter struct {
	to     io.Writer
	level  slog.Level
	lines  chan []byte
	closed chan struct{} // asks for the end
	ended  chan struct{}
	lost   atomic.Uint64
}

// newLogWriter returns a log that is written to w, until close.
func newLogWriter(w io.Writer, level slog.Level) *logWriter {
	l := &logWriter{
		to: w, level: level,
		lines: make(chan []byte, logQueue), closed: make(chan struct{}), ended: make(chan struct{}),
	}
	go l.run()
	return l
}

func (l *logWriter) logger() *slog.Logger { return logger(l, l.level) }

// Write enqueues a line. It never fails.
func (l *logWriter) Write(line []byte) (int, error) {
	select {
	case l.lines <- append([]byte(nil), line...):
	default:
		l.lost.Add(1)
	}
	return len(line), nil
}

// run writes the lines, and after some were lost says how many.
func (l *logWriter) run() {
	defer close(l.ended)
	reported := uint64(0)
	for {
		select {
		case line := <-l.lines:
			l.write(line, &reported)
		case <-l.closed:
			for len(l.lines) > 0 {
				l.write(<-l.lines, &reported)
			}
			return
		}
	}
}

func (l *logWriter) write(line []byte, reported *uint64) {
	if _, err := l.to.Write(line); err != nil {
		l.lost.Add(1)
		return
	}
	if lost := l.lost.Load(); lost != *reported {
		logger(l.to, l.level).Warn("lines of the log were lost: its reader was away, or too slow", "lines", lost-*reported)
		*reported = lost
	}
}

// close waits a moment for what is enqueued.
func (l *logWriter) close() {
	close(l.closed)
	select {
	case <-l.ended:
	case <-time.After(logEnd):
	}
}

func logger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// outliveReaders lets a write to a pipe without a reader fail, where it would
// end the process: what runs for long outlives the readers of its output.
// Commands that print an answer end with their reader, as others do.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// outliveHangup keeps SIGHUP from ending the process: it is sent to services as
// a request to read their settings again, and there are none to read.
func outliveHangup(log *slog.Logger) {
	if signal.Ignored(syscall.SIGHUP) { // by nohup
		return
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			log.Info("SIGHUP: there are no settings to read again")
		}
	}()
}

// levelFlag reads a log level.
type levelFlag struct{ level *slog.Level }

func (l *levelFlag) String() string {
	if l.level == nil {
		return ""
	}
	return strings.ToLower(l.level.String())
}

func (l *levelFlag) Set(s string) error {
	if l.level.UnmarshalText([]byte(s)) != nil {
		return errors.New("give debug, info, warn or error")
	}
	return nil
}

func (l *levelFlag) Type() string { return "level" }
