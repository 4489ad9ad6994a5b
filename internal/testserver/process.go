package testserver

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// guard runs the server and waits on a pipe that this process holds. When
// this process ends, however it ends, guard ends the server and removes its
// folder.
const guard = `"$1" -D "$3/data" -p "$2" >>"$3/log" 2>&1 </dev/null & pid=$!
echo $pid
read -r word || { kill -CONT $pid; kill -QUIT $pid; wait $pid; rm -rf "$3"; }
wait $pid`

// process is a running server.
type process struct {
	data string // the folder of its data
	pid  int    // of the server; 0 if there is none
	word io.WriteCloser
	done chan struct{} // closed when the guard has ended, the server before it
}

func (p *process) start(programs programs, dir string, port int) error {
	cmd := programs.command("/bin/sh", "-c", guard, "sh",
		filepath.Join(programs.bin, "postgres"), strconv.Itoa(port), dir)
	word, err := cmd.StdinPipe()
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
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		p.pid, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return fmt.Errorf("PostgreSQL's process: %w", err)
	}
	p.data, p.word, p.done = filepath.Join(dir, "data"), word, make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	return nil
}

// ended reports whether the server ended by itself.
func (p *process) ended() bool { return p.pid == 0 || send(p.pid, 0) != nil }

// end ends the server by a signal and waits until it has, with its children:
// while one of them has the shared memory, the server does not start again.
func (p *process) end(sig signal) {
	if p.pid == 0 {
		return
	}
	memory := p.sharedMemory()
	if sig == kill {
		p.signal(kill)
	} else {
		_ = send(p.pid, sig)
	}
	_, _ = io.WriteString(p.word, "ended\n")
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.signal(kill)
		<-p.done
	}
	_ = p.word.Close()
	p.pid = 0
	for deadline := time.Now().Add(20 * time.Second); inUse(memory) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

// sharedMemory returns the id of the server's shared memory, "" if that is not
// to be had. The seventh line of postmaster.pid has its key and its id.
func (p *process) sharedMemory() string {
	text, _ := os.ReadFile(filepath.Join(p.data, "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	if len(lines) < 7 {
		return ""
	}
	fields := strings.Fields(lines[6])
	if len(fields) < 2 {
		return ""
	}
	return fields[1]
}

// inUse reports whether a process has the shared memory of that id. Where the
// kernel does not list it, no process is said to.
func inUse(id string) bool {
	list, _ := os.ReadFile("/proc/sysvipc/shm")
	for line := range strings.Lines(string(list)) {
		// key shmid perms size cpid lpid nattch …
		if f := strings.Fields(line); len(f) > 6 && f[1] == id {
			return f[6] != "0"
		}
	}
	return false
}

// signal reaches the server and then its children, which lead sessions of
// their own: what is halted first makes no more of them.
func (p *process) signal(sig signal) {
	if p.pid == 0 {
		return
	}
	if sig == kill { // or it would start them anew
		_ = send(p.pid, freeze)
	} else {
		_ = send(p.pid, sig)
	}
	for _, child := range children(p.pid) {
		_ = send(child, sig)
	}
	if sig == kill {
		_ = send(p.pid, sig)
	}
}

func children(pid int) []int {
	out, _ := exec.Command("ps", "-A", "-o", "pid=", "-o", "ppid=").Output()
	var found []int
	for line := range strings.Lines(string(out)) {
		var child, parent int
		if n, _ := fmt.Sscan(line, &child, &parent); n == 2 && parent == pid {
			found = append(found, child)
		}
	}
	return found
}
