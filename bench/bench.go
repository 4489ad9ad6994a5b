package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// measurement is one part of the run. With servers, it uses the pair that
// stands on the database of -miniprograms.
type measurement struct {
	name    string
	servers bool
	run     func(*session) ([]row, error)
}

// measurements are in the order in which they run: what must not be disturbed
// by load first, memory after load, and at the end what starts the servers anew.
var measurements = []measurement{
	{"startup", false, startUp},
	{"idle", false, idleMemory},
	{"first", true, firstTouch},
	{"getcodesecret", true, reads(getcodesecret, 0.75, 1.45)},
	{"usecloudaccesstoken", true, reads(usecloudaccesstoken, 0.75, 1.45)},
	{"downloadfunction", true, reads(downloadfunction, 0.5, 0)},
	{"link", true, link},
	{"gateway", true, gatewayRates},
	{"decide", true, decideRates},
	{"set64", true, manySets},
	{"set1", true, oneSet},
	{"memory", true, memoryAfter},
	{"openloop", true, openLoop},
	{"neighbours", false, neighbours},
	{"functions", false, functions},
}

// scaleName asks for the comparison of a large world with a small one. It is
// made only when asked for: it fills millions of rows.
const scaleName = "scale"

func measurementNames() []string {
	var names []string
	for _, m := range measurements {
		names = append(names, m.name)
	}
	return names
}

// session is one run of the program.
type session struct {
	options
	ctx        context.Context
	dir        string // everything that the run writes
	binary     string // the real server
	log        io.Writer
	real, base *server
	backend    *server      // answers cloud calls, on the load's core
	bareOrders bareOrders   // what base answers
	first      target       // also has the large function
	firstReads []loadReport // of touchAll
}

// bench prepares, measures and prints.
func bench(ctx context.Context, o options) (err error) {
	wanted, err := selected(o.only)
	if err != nil {
		return err
	}
	s := &session{options: o, ctx: ctx}
	defer func() { err = errors.Join(err, s.cleanUp()) }()
	if err := s.prepare(); err != nil {
		return err
	}
	var rows []row
	for _, m := range wanted {
		if m.servers && s.real == nil {
			defer s.stopServers()
			if err := s.startServers(); err != nil {
				s.showLog()
				return fmt.Errorf("starting the servers: %w", err)
			}
		}
		s.progress("%s", m.name)
		more, err := m.run(s)
		if err != nil {
			s.showLog()
			return fmt.Errorf("%s: %w", m.name, err)
		}
		rows = append(rows, more...)
	}
	for i := range rows {
		if o.control {
			rows[i].Goal = goal{}
		}
		rows[i] = rows[i].finish()
	}
	return newResult(o, rows).print(os.Stdout, o.json)
}

func selected(only string) ([]measurement, error) {
	if only == "" {
		return measurements, nil
	}
	var wanted []measurement
	if only == scaleName {
		return []measurement{{scaleName, false, scale}}, nil
	}
	names := strings.Split(only, ",")
	for _, m := range measurements {
		if i := slices.Index(names, m.name); i >= 0 {
			wanted, names = append(wanted, m), slices.Delete(names, i, i+1)
		}
	}
	if len(names) > 0 {
		return nil, fmt.Errorf("-only %s: there are %s", names[0], strings.Join(measurementNames(), ", "))
	}
	return wanted, nil
}

// prepare makes the folder and builds the real server as it is shipped.
func (s *session) prepare() (err error) {
	if s.keep != "" {
		s.dir, err = filepath.Abs(s.keep)
		err = errors.Join(err, os.MkdirAll(s.dir, 0o700))
	} else {
		s.dir, err = os.MkdirTemp("", "opentcb-bench-")
	}
	if err != nil {
		return err
	}
	if s.log, err = os.Create(s.path("servers.log")); err != nil || s.control {
		return err
	}
	s.progress("building the server")
	s.binary = s.path("opentcb")
	root, err := exec.CommandContext(s.ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/opentcb/opentcb").Output()
	if err != nil {
		return fmt.Errorf("looking for the server's module: %w", err)
	}
	build := exec.CommandContext(s.ctx, "go", "build", "-o", s.binary, "./cmd/opentcb")
	build.Dir = strings.TrimSpace(string(root))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	return build.Run()
}

func (s *session) cleanUp() error {
	if s.keep != "" || s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// showLog shows the end of what the servers wrote to standard error.
func (s *session) showLog() {
	const end = 4 << 10
	if text, err := os.ReadFile(s.path("servers.log")); err == nil {
		os.Stderr.Write(text[max(0, len(text)-end):])
	}
}

func (s *session) path(name string) string { return filepath.Join(s.dir, name) }

func (s *session) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
