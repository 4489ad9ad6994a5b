package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/opentcb/opentcb/internal/secretfile"
	"github.com/opentcb/opentcb/tcb"
)

// Backup is a folder with the code of many functions. It holds each zip once,
// named by its checksum, however many functions and backups have it. A file for
// each backup lists the functions with their checksums.
//
//	code/SHA256.zip
//	2026-11-21T10-00-00Z.json
type Backup struct {
	dir     string
	flights singleflight.Group

	mu       sync.Mutex
	sound    map[string]bool // code that is in the folder and was hashed by this run
	snapshot Snapshot
}

// Snapshot is what a backup found. Times are RFC 3339 in UTC.
type Snapshot struct {
	At         string          `json:"at"`
	Functions  []SavedFunction `json:"functions"`
	NotOurs    []SavedFunction `json:"not_ours"` // code that another uploaded, or none at all
	Downloaded int             `json:"downloaded"`
	Bytes      int64           `json:"bytes"` // downloaded
}

// SavedFunction is a function with its code's checksum, "" if it is not ours.
type SavedFunction struct {
	AppID    string `json:"appid"`
	Env      string `json:"env"`
	Function string `json:"function"`
	SHA256   string `json:"sha256,omitempty"`
}

const codeFolder = "code"

// OpenBackup makes the folder if it does not exist. Only its owner can read it.
func OpenBackup(dir string) (*Backup, error) {
	if err := os.MkdirAll(filepath.Join(dir, codeFolder), 0o700); err != nil {
		return nil, err
	}
	return &Backup{
		dir: dir, sound: map[string]bool{},
		snapshot: Snapshot{Functions: []SavedFunction{}, NotOurs: []SavedFunction{}},
	}, nil
}

// Backup saves the code of every function in the fleet's environments, named in
// the fleet's file or not. Code that is in the folder already is hashed and not
// downloaded. The file of the backup is written even if some of it failed.
func (r *Run) Backup(ctx context.Context, f *Fleet, b *Backup) (*Report, *Snapshot, error) {
	b.snapshot.At = time.Now().UTC().Format(time.RFC3339)
	report := r.each(ctx, f, func(ctx context.Context, c *tcb.Client, appid string, e Env) Result {
		return result(appid, e, nil, Same, b.save(ctx, c, appid, e.ID))
	})
	return report, &b.snapshot, b.write(report)
}

// save saves the code of an environment's functions.
func (b *Backup) save(ctx context.Context, c *tcb.Client, appid, env string) error {
	names, err := functions(ctx, c, env)
	if err != nil {
		return err
	}
	var errs []error
	for name := range names {
		saved := SavedFunction{AppID: appid, Env: env, Function: name}
		link, err := retry(ctx, func() (tcb.CodeLink, error) { return c.GetFunctionLink(ctx, env, name) })
		if err == nil {
			saved.SHA256, err = b.keep(ctx, c, env, name, link.Checksum)
		}
		switch {
		case errors.Is(err, tcb.ErrNotCodeOwner):
			b.add(&b.snapshot.NotOurs, saved)
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		default:
			b.add(&b.snapshot.Functions, saved)
		}
	}
	return errors.Join(errs...)
}

func (b *Backup) add(to *[]SavedFunction, f SavedFunction) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*to = append(*to, f)
}

// keep makes sure that a function's code is in the folder, and returns its
// checksum, which differs from sum if the code was replaced since. Functions with
// the same code share one download.
func (b *Backup) keep(ctx context.Context, c *tcb.Client, env, name, sum string) (string, error) {
	kept, err, _ := b.flights.Do(sum, func() (any, error) {
		if b.isSound(sum) {
			return sum, nil
		}
		return b.download(ctx, c, env, name)
	})
	if err != nil {
		return "", err
	}
	return kept.(string), nil
}

// isSound reports whether code is in the folder and has its checksum.
func (b *Backup) isSound(sum string) bool {
	b.mu.Lock()
	sound := b.sound[sum]
	b.mu.Unlock()
	if sound || !sumForm.MatchString(sum) {
		return sound
	}
	code, err := os.ReadFile(b.path(sum))
	if err != nil || sumOf(code) != sum {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sound[sum] = true
	return true
}

// sumForm is the form of a checksum: a server must not choose paths on this
// machine.
var sumForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (b *Backup) path(sum string) string { return filepath.Join(b.dir, codeFolder, sum+".zip") }

// download fetches a function's code and names it by its checksum.
func (b *Backup) download(ctx context.Context, c *tcb.Client, env, name string) (string, error) {
	tmp, err := os.CreateTemp(filepath.Join(b.dir, codeFolder), ".incoming-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name()) // gone already if all goes well
	if err := tmp.Close(); err != nil {
		return "", err
	}
	sum, err := retry(ctx, func() (string, error) {
		return c.DownloadFunction(ctx, env, name, tmp.Name(), tcb.CodeDownload{})
	})
	if err != nil {
		return "", err
	}
	info, err := os.Stat(tmp.Name())
	if err == nil {
		err = os.Rename(tmp.Name(), b.path(sum))
	}
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sound[sum] = true
	b.snapshot.Downloaded++
	b.snapshot.Bytes += info.Size()
	return sum, nil
}

// write writes the file of the backup atomically, after the code that it names
// is on the disk.
func (b *Backup) write(report *Report) error {
	if err := secretfile.SyncFolder(filepath.Join(b.dir, codeFolder)); err != nil {
		return err
	}
	for _, list := range []*[]SavedFunction{&b.snapshot.Functions, &b.snapshot.NotOurs} {
		slices.SortFunc(*list, func(x, y SavedFunction) int {
			return cmp.Or(cmp.Compare(x.AppID, y.AppID), cmp.Compare(x.Env, y.Env), cmp.Compare(x.Function, y.Function))
		})
	}
	text, err := json.MarshalIndent(struct {
		Snapshot
		Report *Report `json:"report"`
	}{b.snapshot, report}, "", " ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(b.dir, ".backup-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(append(text, '\n'))
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return errors.Join(b.name(tmp.Name()), secretfile.SyncFolder(b.dir))
}

// name links the file to a name that no earlier backup has.
func (b *Backup) name(tmp string) error {
	for n := 1; ; n++ {
		name := time.Now().UTC().Format("2006-01-02T15-04-05Z")
		if n > 1 {
			name += fmt.Sprintf("-%d", n)
		}
		err := os.Link(tmp, filepath.Join(b.dir, name+".json"))
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
}
