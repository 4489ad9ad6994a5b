package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// entrance is one of the ways into the server, as data: what it is for, and in
// which language it refuses. All else is the door's, the same for every one.
type entrance struct {
	name string // in the log and in the metrics
	// serve answers a visit, or returns why it did not. An error that it returns
	// before it has set visit.begun is for refuse to answer; a later one breaks
	// the connection.
	serve func(s *Server, v *visit) error
	// refuse answers a visit with an error, of which nothing but the code, the
	// detail and the rid may be shown (EN-5).
	refuse func(v *visit, err error)
}

// visit is one request on its way through the door.
type visit struct {
	w      http.ResponseWriter
	r      *http.Request
	rid    string       // the request's id, which a caller can quote (EN-4)
	begin  time.Time    // when it came
	caller cloud.Caller // who calls; only the rid, until that is known
	env    string       // the environment that it names, once that is read
	// begun is set when the caller may have some of the answer: it can no longer
	// be refused, and must not look whole if it fails.
	begun bool
	bench *onBench // nil outside of test mode
}

// door is an entrance of a running server.
type door struct {
	entrance
	server  *Server
	metrics doorMetrics
}

func (s *Server) newDoor(e entrance) *door {
	return &door{entrance: e, server: s, metrics: s.metrics.door(e.name)}
}

// ServeHTTP is the way of every request, whichever its entrance: it gets an
// id, is served or refused, counted, timed and logged.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	rid := d.server.newRID(begin)
	v := &visit{w: w, r: r, rid: rid, begin: begin, caller: cloud.Caller{RID: rid}}
	if d.server.bench == nil {
		d.pass(v)
	} else {
		d.server.bench.pass(d, v)
	}
}

// pass serves a visit or refuses it.
func (d *door) pass(v *visit) {
	err := d.enter(v)
	if err != nil && !v.begun {
		readRest(v.w, v.r)
		d.refuse(v, err)
	}
	// What is done after every answer stands here.
	code := codeOf(err)
	d.metrics.observe(code, time.Since(v.begin))
	d.log(v, code, err)
	if v.bench != nil {
		v.bench.outcome = err
	}
	if err != nil && v.begun {
		panic(http.ErrAbortHandler) // net/http breaks the connection
	}
}

// errBrokenOff is an answer whose source ended before it did.
var errBrokenOff = errors.New("the answer broke off")

// enter serves a visit. A panic is an error like others (EN-13).
func (d *door) enter(v *visit) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler: // how a proxy ends an answer that it cannot finish
			v.begun = true
			err = &cloud.Error{Kind: cloud.Unavailable, Err: cmp.Or(v.r.Context().Err(), errBrokenOff)}
		default:
			err = &cloud.Error{Kind: cloud.Internal, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	// What is asked of every request, whatever it wants, stands here: an error
	// is refused in the language of the entrance.
	if v.r.ProtoMajor > 1 {
		defer d.server.streams.leave()
		if !d.server.streams.enter() {
			v.r.Close = true // nothing more of it is read
			return cloud.Refused(cloud.LimitReached, "too many requests at once over HTTP/2: try again")
		}
	}
	if v.bench != nil {
		if ended, err := v.bench.before(v); ended {
			return err
		}
	}
	return d.serve(d.server, v)
}

// log writes the line of a visit, which has the rid that its caller may quote
// (EN-4). Successes are many and say little, and a caller that went away is
// nobody's fault: both are only for those who ask for them.
func (d *door) log(v *visit, code tcb.Code, err error) {
	ctx, level := v.r.Context(), slog.LevelInfo
	injected := v.injected()
	switch {
	case injected != "":
	case err == nil, ctx.Err() != nil && errors.Is(err, context.Canceled):
		level = slog.LevelDebug
	case code == tcb.SystemBusy, code == tcb.SystemError:
		level = slog.LevelError
	}
	if !d.server.log.Enabled(ctx, level) {
		return
	}
	leftOut, ok := 0, true
	// Who asks for every call gets every line. A fault of a known caller's call
	// is one of the server's, and is not left out.
	isFault := level == slog.LevelError && v.caller.Platform != ""
	if !isFault && !d.server.log.Enabled(ctx, slog.LevelDebug) {
		leftOut, ok = d.server.logBudget.take(v.caller.Platform, v.begin)
	}
	if !ok {
		return
	}
	d.server.log.LogAttrs(ctx, level, "call", d.attrs(v, code, err, leftOut)...)
}

// attrs are what a line says of a visit. Lines left out were like this one.
func (d *door) attrs(v *visit, code tcb.Code, err error, leftOut int) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("rid", v.rid), slog.String("interface", d.name), slog.Int("errcode", int(code)),
		slog.Duration("took", time.Since(v.begin).Round(time.Microsecond)),
	}
	if err != nil {
		attrs = append(attrs, slog.String("err", err.Error()), slog.String("from", d.server.addressOf(v.r)))
	}
	for _, named := range []struct{ name, value string }{
		{"platform", v.caller.Platform}, {"appid", v.caller.AppID}, {"env", cloud.ShownEnvironment(v.env)},
	} {
		if named.value != "" {
			attrs = append(attrs, slog.String(named.name, named.value))
		}
	}
	if injected := v.injected(); injected != "" {
		attrs = append(attrs, slog.String("injected", injected))
	}
	if leftOut > 0 {
		attrs = append(attrs, slog.Int("left_out", leftOut))
	}
	return attrs
}
