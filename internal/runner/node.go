package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// oldestNode is the first major version of Node.js that will do.
const oldestNode = 18

// Node is a Node.js that is there.
type Node struct {
	Path     string
	Major    int
	reserved int  // memory that each process reserves and does not use, in MiB
	sqlite   bool // it has a module for SQLite, which heeds no permissions
}

// FindNode looks for a Node.js, by the name or path of its program. The error says what
// is missing.
func FindNode(ctx context.Context, program string) (Node, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return Node{}, fmt.Errorf("there is no %s: install Node.js %d or later", program, oldestNode)
	}
	if path, err = filepath.Abs(path); err != nil {
		return Node{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	text, err := exec.CommandContext(ctx, path, withoutSQLite, "--version").Output()
	sqlite := err == nil
	if !sqlite {
		text, err = exec.CommandContext(ctx, path, "--version").Output()
	}
	if err != nil {
		return Node{}, fmt.Errorf("%s --version: %w", path, err)
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(text)), "v"), ".")
	major, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return Node{}, fmt.Errorf("%s --version says %.40q", path, text)
	case major < oldestNode:
		return Node{}, fmt.Errorf("%s is Node.js %d: install %d or later", path, major, oldestNode)
	}
	// Node.js 24 reserves 512 MiB for its code, which the bound of memory would count.
	reserved, err := reservedMemory(ctx, path)
	return Node{path, major, max(0, reserved-heapRest), sqlite}, err
}

// withoutSQLite keeps the module for SQLite from functions. Versions that have none do not
// know it.
const withoutSQLite = "--no-experimental-sqlite"

// HasPermissions reports whether it can be kept from files and from starting processes.
func (n Node) HasPermissions() bool { return n.Major >= 20 }

// arguments are those of a process that runs loader in a folder, may read that and
// write to temp, and has a heap that leaves room for the rest of memory, in MiB.
func (n Node) arguments(loader, folder, temp string, memory int) []string {
	// Threads that collect garbage would take all cores from other functions.
	args := []string{"--no-warnings", "--single-threaded-gc", "--max-old-space-size=" + strconv.Itoa(max(16, memory-heapRest))}
	if n.HasPermissions() {
		flag := "--permission"
		if n.Major < 24 {
			flag = "--experimental-permission"
		}
		if n.Major >= 25 { // before, the network was not its affair
			args = append(args, "--allow-net")
		}
		if n.sqlite {
			args = append(args, withoutSQLite)
		}
		dir := string(filepath.Separator)
		// Flags of V8 would have it write files anywhere.
		args = append(args, flag, "--freeze-flags-after-init", "--allow-fs-read="+loader, "--allow-fs-read="+folder+dir,
			"--allow-fs-read="+temp+dir, "--allow-fs-write="+temp+dir)
	}
	return append(args, loader)
}

// heapRest is what of the memory is not the heap's, in MiB.
const heapRest = 64

// ownVariables are what a process sees of the runner's own variables, where programs are
// and the locale (RN-4), and its temporary folder.
func ownVariables(temp string) []string {
	vars := []string{"TMPDIR=" + temp}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if name == "PATH" || isLocale(name) {
			vars = append(vars, pair)
		}
	}
	return vars
}

func isLocale(variable string) bool {
	return variable == "LANG" || variable == "LANGUAGE" || variable == "TZ" || strings.HasPrefix(variable, "LC_")
}

// errUnreadable is a folder of code that functions cannot read.
var errUnreadable = errors.New("functions cannot read the code there")
