package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// docs is where the pages are, seen from this package.
const docs = "../.."

// shellBlock is a block of a page that a reader is invited to paste, with the
// indented block behind it that shows what it prints.
var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```\n\n?((?:    [^\n]*\n)*)")

// pasteTime is how long one block may take.
const pasteTime = time.Minute

// block is one block of a page.
type block struct {
	page           string
	text, printing string
}

// blocks returns the blocks of all pages that can be pasted.
func blocks(ts *testscript.TestScript) []block {
	pages := []string{filepath.Join(docs, "README.md")}
	ts.Check(filepath.WalkDir(filepath.Join(docs, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			pages = append(pages, path)
		}
		return err
	}))
	var found []block
	for _, page := range pages {
		text, err := os.ReadFile(page)
		ts.Check(err)
		for _, m := range shellBlock.FindAllStringSubmatch(string(text), -1) {
			found = append(found, block{page, m[1], m[2]})
		}
	}
	if len(found) == 0 {
		ts.Fatalf("no blocks found below %s", docs)
	}
	return found
}

// paste runs the blocks of all pages against the server that "start dev" has
// started, as a reader would after pasting the export lines that it printed.
// With the argument "backwards" the last block comes first: each has to work
// whatever was pasted before it.
func paste(ts *testscript.TestScript, _ bool, args []string) {
	all := blocks(ts)
	if slices.Contains(args, "backwards") {
		slices.Reverse(all)
	}
	env := append(environment(ts), exported(ts.ReadFile("printed"))...)
	env = append(env, "OPENTCB_ADMIN="+ts.Getenv("OPENTCB_ADMIN"), "XDG_CACHE_HOME="+ts.Getenv("XDG_CACHE_HOME"))
	// The pages speak of a server at its default addresses.
	addresses := strings.NewReplacer("http://127.0.0.1:8080", ts.Getenv("API"),
		"http://127.0.0.1:8081", ts.Getenv("OPENTCB_ADMIN"), "./opentcb", "opentcb")
	for _, b := range all {
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", addresses.Replace(b.text))
		var out, errs bytes.Buffer
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = ts.Getenv("WORK"), env, &out, &errs
		cmd.WaitDelay = pasteTime
		if err := cmd.Run(); err != nil {
			ts.Fatalf("%s: this block ends with %v:\n%s%s%s", b.page, err, b.text, out.String(), errs.String())
		}
		if missing := notPrinted(b.printing, out.String()); missing != "" {
			ts.Fatalf("%s: this block:\n%sprints:\n%swhich is not like:\n%s", b.page, b.text, out.String(), missing)
		}
	}
}

// exported returns the variables of the lines "export NAME=VALUE" that dev
// prints.
func exported(printed string) []string {
	var env []string
	for line := range strings.Lines(printed) {
		if setting, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			name, value, _ := strings.Cut(setting, "=")
			env = append(env, name+"="+strings.Trim(value, "'"))
		}
	}
	return env
}

// notPrinted returns the first line that a page shows and nothing like it was
// printed. Answers in JSON are alike if they have the same errcode and the same
// members, rows of tables if they differ in digits alone: tokens and times differ
// each time.
func notPrinted(shown, printed string) string {
	var have []string
	for line := range strings.Lines(printed) {
		have = append(have, likeness(line))
	}
	for line := range strings.Lines(shown) {
		if want := likeness(line); want != "" && !slices.Contains(have, want) {
			return line
		}
	}
	return ""
}

var digits = regexp.MustCompile("[0-9]+")

// likeness names the errcode and the members of an object; of a row of a table it
// is all but the digits, and "" of any other line.
func likeness(line string) string {
	var object map[string]any
	if json.Unmarshal([]byte(line), &object) != nil || object == nil {
		if line = strings.TrimSpace(line); strings.Contains(line, "  ") {
			return digits.ReplaceAllString(line, "")
		}
		return ""
	}
	return fmt.Sprint(object["errcode"], slices.Sorted(maps.Keys(object)))
}
