package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Journal records which environments a run has made as wanted, a line each. A line
// counts only as long as the same is wanted. Lines are not synced one by one: a
// run that is resumed after a power cut compares some environments again.
type Journal struct {
	f    *os.File
	done map[string]bool
}

// entry is a line of the journal.
type entry struct {
	AppID  string `json:"appid"`
	Env    string `json:"env"`
	Wanted string `json:"wanted"` // SHA-256 of what was wanted
}

// OpenJournal opens a journal, and empties it unless resume is set. Only its owner
// can read it.
func OpenJournal(name string, resume bool) (*Journal, error) {
	j := &Journal{done: map[string]bool{}}
	flags := os.O_CREATE | os.O_RDWR | os.O_APPEND
	if !resume {
		flags |= os.O_TRUNC
	} else if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is nothing to resume: no journal %s", name)
	}
	var err error
	if j.f, err = os.OpenFile(name, flags, 0o600); err != nil {
		return nil, err
	}
	if err := j.read(); err != nil {
		j.f.Close()
		return nil, fmt.Errorf("journal %s: %w", name, err)
	}
	return j, nil
}

// read reads the lines. It cuts off a last line that was not written whole, as a
// kill leaves it.
func (j *Journal) read() error {
	text, err := io.ReadAll(j.f)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	for line := range bytes.Lines(text[:whole]) {
		var e entry
		if json.Unmarshal(line, &e) == nil && e.Wanted != "" {
			j.done[string(bytes.TrimSpace(line))] = true
		}
	}
	// By name, since Windows cuts no file that is open for appending.
	return os.Truncate(j.f.Name(), int64(whole))
}

// line returns the journal's line of an environment that is done.
func line(appid string, e Env) string {
	wanted, err := json.Marshal(e)
	if err != nil {
		panic(err) // its types always encode
	}
	text, err := json.Marshal(entry{appid, e.ID, sumOf(wanted)})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// Done reports whether an environment was made as is wanted now.
func (j *Journal) Done(appid string, e Env) bool { return j != nil && j.done[line(appid, e)] }

// Add records that an environment is done. It is one write, so that lines of
// concurrent workers stay whole.
func (j *Journal) Add(appid string, e Env) error {
	if j == nil {
		return nil
	}
	_, err := j.f.WriteString(line(appid, e) + "\n")
	return err
}

// Close makes the journal durable and closes it.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	return errors.Join(j.f.Sync(), j.f.Close())
}
