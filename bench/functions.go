package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// functionsWorld is what functions are run in. The function returns at once.
const functionsWorld = `platforms: [{appid: wx00000000000000c1, secret: s, verify_ticket: ticket@@@1}]
miniprograms: [{appid: wx00000000000000a1}]
environments: [{id: good-env, appid: wx00000000000000a1}]
authorizations:
  - {platform: wx00000000000000c1, appid: wx00000000000000a1, permission_sets: [18, 49], refresh_token: refreshtoken@@@1}
functions:
  - {env: good-env, name: warm, zip: ./function}
  - {env: good-env, name: hostile, zip: ./hostile}
`

const (
	coldFunctions = 10
	manyClients   = 16
)

// functions measures what server and runner add to a function that does nothing, against
// a net/http server with one node process that sends back what it gets. Both have both
// cores, and share them with the load.
func functions(s *session) ([]row, error) {
	if s.control {
		return nil, nil
	}
	token, address, end, err := s.startFunctions()
	if err != nil {
		return nil, err
	}
	defer end()
	echo, err := s.startRole(anyCPU, "echo", nil)
	if err != nil {
		return nil, err
	}
	defer echo.stop()
	call := func(name string) string {
		return "http://" + address + "/tcb/invokecloudfunction?access_token=" + token + "&env=good-env&name=" + name
	}
	if _, err := hammer(call("warm"), 1, 1, 0); err != nil { // once all code is in place
		return nil, err
	}
	cold := row{Name: "function, cold", Figure: plain, Unit: "ms", Goal: goal{"<=", 150}}
	for n := range coldFunctions {
		took, err := hammer(call(fmt.Sprintf("cold%d", n)), 1, 1, 0)
		if err != nil {
			return nil, err
		}
		cold.add(milliseconds(took[0]), 0)
	}
	one := row{Name: "function, warm, p50", Figure: difference, Unit: "ms", Goal: goal{"<=", 5}}
	many := row{Name: fmt.Sprintf("function, warm, p99 of %d clients", manyClients), Figure: difference, Unit: "ms", Goal: goal{"<=", 7.5}}
	rate := row{Name: fmt.Sprintf("function, warm, %d clients", manyClients), Figure: plain, Unit: "req/s", Goal: goal{">=", 1000}}
	for pair := range s.pairs {
		var figures [2][3]float64
		for n, url := range []string{call("warm"), "http://" + echo.api + "/"} {
			alone, err := hammer(url, 1, 0, s.duration)
			if err != nil {
				return nil, err
			}
			together, err := hammer(url, manyClients, 0, s.duration)
			if err != nil {
				return nil, err
			}
			figures[n] = [3]float64{
				milliseconds(at(alone, 50)), milliseconds(at(together, 99)), float64(len(together)) / s.duration.Seconds(),
			}
		}
		one.add(figures[0][0], figures[1][0])
		many.add(figures[0][1], figures[1][1])
		rate.add(figures[0][2], figures[1][2])
		s.progress("functions %d/%d: %.2v; echo %.2v", pair+1, s.pairs, figures[0], figures[1])
	}
	rate.note("the bare pair: %.0f req/s", median(rate.Base))
	beside, err := s.besideHostile(call)
	return append([]row{cold, one, many, rate}, beside...), err
}

// startFunctions starts server and runner with functions, and returns a token that has
// them run, where, and what ends both.
func (s *session) startFunctions() (token, address string, end func(), err error) {
	world, dir, other := functionsWorld, s.path("function"), s.path("hostile")
	for n := range coldFunctions {
		world += fmt.Sprintf("  - {env: good-env, name: cold%d, zip: ./function}\n", n)
	}
	listen, err := freePort()
	err = errors.Join(err, os.MkdirAll(dir, 0o700), os.MkdirAll(other, 0o700), os.Chmod(s.dir, 0o711),
		os.WriteFile(filepath.Join(dir, "index.js"), []byte("exports.main = () => 1\n"), 0o600),
		os.WriteFile(filepath.Join(other, "index.js"), []byte(hostileCode), 0o600),
		os.WriteFile(s.path("functions.yaml"), []byte(world), 0o600),
		os.WriteFile(s.path("runtime-secret"), []byte("secret-of-the-runtime"), 0o600))
	if err != nil {
		return "", "", nil, err
	}
	server, err := startServerAt(s.ctx, anyCPU, s.log, nil, s.binary, "serve", "--listen", "127.0.0.1:0",
		"--admin-listen", "127.0.0.1:0", "--data", s.path("functions"), "--world", s.path("functions.yaml"),
		"--runtime", "http://"+listen, "--runtime-secret-file", s.path("runtime-secret"))
	if err != nil {
		return "", "", nil, err
	}
	runner, err := s.startRunner(server, listen)
	end = func() {
		if runner != nil {
			_ = runner.Process.Signal(os.Interrupt)
			_ = runner.Wait()
		}
		_ = server.stop()
	}
	if err == nil {
		good, clientErr := neighbourClient(s.ctx, server.api, 1)
		if err = clientErr; err == nil {
			token, err = good.Tokens.Token(s.ctx)
		}
	}
	if err != nil {
		end()
	}
	return token, server.api, end, err
}

func (s *session) startRunner(server *server, listen string) (*exec.Cmd, error) {
	admin := []string{"--admin", "http://" + server.admin, "--data", s.path("functions")}
	credential, err := exec.Command(s.binary, append([]string{"env-credential", "good-env", "--code"}, admin...)...).Output()
	if err == nil {
		err = os.WriteFile(s.path("credential"), credential, 0o600)
	}
	if err != nil {
		return nil, err
	}
	args := []string{
		"runner", "--env", "good-env=" + s.path("credential"), "--secret-file", s.path("runtime-secret"), "--listen", listen,
		"--code", s.path("code"), "--admin", "http://" + server.admin,
	}
	if os.Geteuid() == 0 {
		args = append(args, "--user", "nobody")
	}
	cmd := exec.CommandContext(s.ctx, s.binary, args...)
	cmd.Stderr = s.log
	if err := startPinned(cmd, anyCPU); err != nil {
		return nil, err
	}
	for range 600 {
		conn, err := net.Dial("tcp", listen)
		if err == nil {
			return cmd, conn.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return cmd, errors.New("the runner does not begin")
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// at is a percentile of times that are sorted.
func at(sorted []time.Duration, percent int) time.Duration { return sorted[len(sorted)*percent/100] }

// hammer calls from so many clients, so often each or for so long, and returns how long
// each call took, sorted.
func hammer(url string, clients, times int, duration time.Duration) ([]time.Duration, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	until := time.Now().Add(duration)
	var all []time.Duration
	var fault error
	var mu sync.Mutex
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			var mine []time.Duration
			var err error
			for n := 0; err == nil && (n < times || time.Now().Before(until)); n++ {
				begin := time.Now()
				err = hit(transport, url)
				mine = append(mine, time.Since(begin))
			}
			mu.Lock()
			defer mu.Unlock()
			all, fault = append(all, mine...), errors.Join(fault, err)
		})
	}
	group.Wait()
	slices.Sort(all)
	return all, fault
}

func hit(transport *http.Transport, url string) error {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && bytes.Contains(text, []byte("errcode")) && !bytes.Contains(text, errcodeZero) {
		err = fmt.Errorf("a function is answered %s", text)
	}
	return err
}

// echo is a bare net/http server whose answers come from one node process, a line each.
func echo(_ io.Reader, ready io.Writer) error {
	cmd := exec.Command("node", "-e", "require('readline').createInterface({input:process.stdin}).on('line',l=>process.stdout.write(l+'\\n'))")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines, mu := bufio.NewReader(out), sync.Mutex{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(ready, "ready api=http://%s\n", l.Addr())
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			_, err = in.Write(append(body, '\n'))
		}
		line, readErr := lines.ReadBytes('\n')
		if errors.Join(err, readErr) != nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(line)
	}))
}
