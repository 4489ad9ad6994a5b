package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"regexp"
	"time"
)

// Listing is what an environment's runtime runs, as the server says it. Text is a JSON
// object whose items are functions, each with at least a name, the sum of its code, the
// size of that in bytes and the time when it was replaced. Tag is what this Listing is
// known by. Without Text nothing has changed.
type Listing struct {
	Tag  string
	Text []byte
}

// CodeConfig is what KeepCode works with. Dir, List and Code are required.
type CodeConfig struct {
	Dir string // the folder to keep code in, which is made if need be
	// Group may read the folder if it is made, and the file in it: its name or number.
	// Default: nobody but the owner.
	Group string
	// List asks the server what there is. With the tag of the last Listing it may wait
	// for another one. An error made by Permanent ends KeepCode; after any other it
	// tries again.
	List func(ctx context.Context, tag string) (Listing, error)
	// Code writes the zip of a function, which has that sum, to w.
	Code func(ctx context.Context, name, sum string, w io.Writer) error
	// Changed is given what FunctionsFile holds whenever that is another, and at first
	// what an earlier KeepCode left. The code of every function in it is in place. Nil:
	// nobody is told.
	Changed func(text []byte)
	// Keep is how long a version stays after it was replaced; default DefaultKeep.
	Keep time.Duration
	Log  *slog.Logger // default: nothing is logged
	// The clock; default time.Now and time.After.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// What is in the folder of the code, beside a link of each function's name.
const (
	FunctionsFile  = "functions.json" // what the server says of the functions
	VersionsFolder = ".versions"      // unpacked code, each in a folder named after its sum
)

// DefaultKeep is how long a version stays after it was replaced (RT-4).
const DefaultKeep = 10 * time.Minute

const (
	listTime      = time.Minute // for one List, its waiting included
	codeTime      = 5 * time.Minute
	codeLongPause = 5 * time.Second        // the longest pause after failures
	betweenLists  = 200 * time.Millisecond // at least
)

// KeepCode keeps the code of an environment in a folder until ctx ends, and then returns
// nil (RT-4). The folder has a link to the code of each function, by its name, and
// FunctionsFile. Each is replaced by a rename, so that a reader sees the old or the new
// one, whole. What was there stays when the server is away, sends altered bytes, or the
// disk is full. KeepCode returns an error if the folder can never be used, and when List
// fails with a Permanent error. Two may keep the same environment in one folder.
func KeepCode(ctx context.Context, cfg CodeConfig) error {
	rest := withDefaults(Config{Log: cfg.Log, Now: cfg.Now, After: cfg.After})
	cfg.Log, cfg.Now, cfg.After = rest.Log, rest.Now, rest.After
	if cfg.Keep <= 0 {
		cfg.Keep = DefaultKeep
	}
	k := codeKeeper{
		CodeConfig: cfg, tries: tries{after: cfg.After, longest: codeLongPause},
		versions: filepath.Join(cfg.Dir, VersionsFolder),
	}
	if err := k.open(); err != nil {
		return err
	}
	return k.repeat(ctx, func(ctx context.Context) error {
		defer k.sweep()
		return k.look(ctx)
	}, k.next)
}

// codeKeeper is what KeepCode remembers.
type codeKeeper struct {
	CodeConfig
	tries
	versions string
	gid      int                  // of the group; noGroup if there is none
	tag      string               // of the last Listing, once the folder is as that says
	text     []byte               // what FunctionsFile holds
	items    map[string]item      // what it has, by name
	due      map[string]time.Time // when a version is to be removed that no function has, by its sum
}

// item is what is known of one function.
type item struct {
	Name       string    `json:"name"`
	Sum        string    `json:"sum"`
	Size       int64     `json:"size"`
	ModifiedAt time.Time `json:"modified_at"`
	text       json.RawMessage
}

// list is the JSON of a Listing, with the items as they are.
type list map[string]json.RawMessage

// look asks for a Listing, and brings the folder to it as far as that can be done.
func (k *codeKeeper) look(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	l, err := k.List(asking, k.tag)
	k.tag = "" // until all is in place: what is not is asked for again
	switch {
	case err != nil:
		return err
	case l.Text == nil:
		k.tag = l.Tag
		return nil
	}
	all, items, err := parse(l.Text)
	if err == nil {
		err = k.follow(ctx, all, items)
	}
	if err == nil {
		k.tag = l.Tag
	}
	return err
}

// next logs how a look ended, and returns the pause before the next one.
func (k *codeKeeper) next(err error) time.Duration {
	if err == nil {
		if k.failures > 0 {
			k.Log.Info("code is kept again", "failures", k.failures)
		}
		k.failures = 0
		return betweenLists
	}
	pause := k.failed()
	if k.isTold() {
		k.Log.Warn("code is not as the server has it, and stays as it is", "err", err, "failures", k.failures,
			"next", pause.Round(time.Second))
	}
	return pause
}

var (
	// Names lead to places in the folder, so that none may lead out of it.
	nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	sumForm  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// parse reads the text of a Listing.
func parse(text []byte) (list, []item, error) {
	var all list
	var raw []json.RawMessage
	err := json.Unmarshal(text, &all)
	if err == nil {
		err = json.Unmarshal(all["items"], &raw)
	}
	items := make([]item, len(raw))
	for i := range items {
		f := &items[i]
		f.text = raw[i]
		if err == nil {
			err = json.Unmarshal(raw[i], f)
		}
		if err == nil && (len(f.Name) > 100 || !nameForm.MatchString(f.Name) || !sumForm.MatchString(f.Sum)) {
			err = fmt.Errorf("no function is called %.64q with the sum %.80q", f.Name, f.Sum)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the server's list of functions: %w", err)
	}
	return all, items, nil
}
