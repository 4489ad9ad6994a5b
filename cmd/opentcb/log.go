package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/opentcb/opentcb/internal/admin"
)

// logQueue is how many lines of the log wait for a reader that is slow; further
// ones are lost, since nobody waits for the log.
const logQueue = 1024

// logEnd is how long the end of a process waits for the reader of its log.
const logEnd = time.Second

// logFlags are the settings of a log.
type logFlags struct {
	level  slog.Level
	format string
}

// add adds the flags.
func (l *logFlags) add(f *pflag.FlagSet) {
	f.Var(&levelFlag{&l.level}, "log-level", "least level that is logged: debug, info, warn or error; a server logs every call at debug")
	l.format = "text"
	f.Var(&formatFlag{&l.format}, "log-format", "form of the log's lines: text or json")
}

// logWriter writes the log of a process that runs for long. Whoever logs does
// not wait for the log's reader, which may stand still or have gone away: such
// lines are lost, and are counted.
type logWriter struct {
	logFlags
	to     io.Writer
	now    slog.LevelVar // the level, which can be changed
	lines  chan []byte
	closed chan struct{} // asks for the end
	ended  chan struct{}
	lost   atomic.Uint64
}

// newLogWriter returns a log that is written to w, until close.
func newLogWriter(w io.Writer, flags logFlags) *logWriter {
	l := &logWriter{
		logFlags: flags, to: w,
		lines: make(chan []byte, logQueue), closed: make(chan struct{}), ended: make(chan struct{}),
	}
	l.now.Set(flags.level)
	go l.run()
	return l
}

func (l *logWriter) logger() *slog.Logger { return l.loggerTo(l) }

func (l *logWriter) loggerTo(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: &l.now}
	if l.format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

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
		l.loggerTo(l.to).Warn("lines of the log were lost: its reader was away, or too slow", "lines", lost-*reported)
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

// outliveReaders lets a write to a pipe without a reader fail, where it would
// end the process: what runs for long outlives the readers of its output.
// Commands that print an answer end with their reader, as others do.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// reloadOnHangup keeps SIGHUP from ending the process: it is sent to services as
// a request to read their settings again. The level of the log is what the flag
// or the variable said at the start.
func (l *logWriter) reloadOnHangup() {
	if signal.Ignored(syscall.SIGHUP) { // by nohup
		return
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			l.now.Set(l.level)
			l.logger().Info("SIGHUP: the log level is that of the start", "level", levelName(l.level))
		}
	}()
}

// levelName writes a level as it is given.
func levelName(level slog.Level) string { return strings.ToLower(level.String()) }

// levelFlag reads a log level.
type levelFlag struct{ level *slog.Level }

func (l *levelFlag) String() string {
	if l.level == nil {
		return ""
	}
	return levelName(*l.level)
}

func (l *levelFlag) Set(s string) error {
	if l.level.UnmarshalText([]byte(s)) != nil {
		return errors.New("give debug, info, warn or error")
	}
	return nil
}

func (l *levelFlag) Type() string { return "level" }

// formatFlag reads the form of a log.
type formatFlag struct{ format *string }

func (f *formatFlag) String() string {
	if f.format == nil {
		return ""
	}
	return *f.format
}

func (f *formatFlag) Set(s string) error {
	if s != "text" && s != "json" {
		return errors.New("give text or json")
	}
	*f.format = s
	return nil
}

func (f *formatFlag) Type() string { return "format" }

func logLevelCommand() *cobra.Command {
	cmd := remoteCommand("log-level [LEVEL]", "Print or change what a running server logs",
		`Print the least level that the server logs, or change it while it runs: debug
(every call), info, warn or error. SIGHUP brings back that of the start.`,
		0, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			if len(args) == 0 {
				level, err := c.LogLevel(cmd.Context())
				return answer{level, level.Level}, err
			}
			if !slices.Contains(admin.LogLevels, args[0]) {
				return answer{}, usageError{fmt.Errorf("%q is no level: give %s", args[0], strings.Join(admin.LogLevels, ", "))}
			}
			level, err := c.SetLogLevel(cmd.Context(), args[0])
			return answer{level, level.Level}, err
		})
	cmd.Args = usageArgs(cobra.MaximumNArgs(1))
	cmd.ValidArgs = admin.LogLevels
	return cmd
}
