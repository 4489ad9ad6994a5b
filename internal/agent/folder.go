package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/secretfile"
)

// Names of what is being made or removed in the folder of versions. Nobody else looks at it.
const (
	madePrefix    = ".new-"
	removedPrefix = ".old-"
)

// open makes the folder if need be, removes what an earlier KeepCode was making or
// removing, and reads what it left whole.
func (k *codeKeeper) open() (err error) {
	if k.gid, err = lookUpGroup(k.Group); err != nil {
		return err
	}
	if err := k.makeFolder(); err != nil {
		return fmt.Errorf("the folder of the code: %w: choose another with --code, or mend its permissions", err)
	}
	if err := removeLeft(k.Dir, temporary(FunctionsFile)); err != nil {
		return fmt.Errorf("cannot remove what an earlier agent left: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(k.Dir, FunctionsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	k.items = map[string]item{}
	if _, items, err := parse(text); err == nil {
		for _, f := range items {
			if k.isThere(f.Sum) {
				k.items[f.Name] = f
			}
		}
		if len(k.items) == len(items) {
			k.tell(text)
		}
	}
	return k.findLeft()
}

func (k *codeKeeper) makeFolder() error {
	_, err := os.Stat(k.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(k.Dir, 0o700)
		if err == nil && k.gid != noGroup {
			err = errors.Join(os.Chown(k.Dir, -1, k.gid), os.Chmod(k.Dir, 0o750))
		}
	}
	if err == nil {
		err = os.MkdirAll(k.versions, 0o755)
	}
	if err == nil { // whoever reads the folder reads those, whatever the umask
		err = errors.Join(os.Chmod(k.versions, 0o755), secretfile.SyncFolder(k.Dir))
	}
	return err
}

// findLeft removes what was not made or removed whole, and notes when versions that no
// function has are to go: their time began when they were replaced, and touched.
func (k *codeKeeper) findLeft() error {
	entries, err := os.ReadDir(k.versions)
	if err != nil {
		return err
	}
	used := map[string]bool{} // a kill may have come between a link and FunctionsFile
	for _, f := range k.items {
		used[f.Sum] = true
	}
	for _, sum := range k.links() {
		used[sum] = true
	}
	k.due = map[string]time.Time{}
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, madePrefix), strings.HasPrefix(name, removedPrefix):
			k.remove(name)
		case sumForm.MatchString(name) && !used[name]:
			left := k.Keep
			if info, err := e.Info(); err == nil {
				left = min(left, max(0, k.Keep-k.Now().Sub(info.ModTime())))
			}
			k.due[name] = k.Now().Add(left)
		}
	}
	return nil
}

// links returns the sums that links of the folder lead to, by the links' names.
func (k *codeKeeper) links() map[string]string {
	sums := map[string]string{}
	entries, _ := os.ReadDir(k.Dir)
	for _, e := range entries {
		to, err := os.Readlink(filepath.Join(k.Dir, e.Name()))
		if dir, sum := filepath.Split(to); err == nil && dir == VersionsFolder+string(filepath.Separator) {
			sums[e.Name()] = sum
		}
	}
	return sums
}

func (k *codeKeeper) isThere(sum string) bool {
	info, err := os.Stat(filepath.Join(k.versions, sum))
	return err == nil && info.IsDir()
}

// follow brings the folder to what the server says: the code of each function, then its
// link, then FunctionsFile. A function whose code cannot be had stays as it is, and the
// others do not wait for it.
func (k *codeKeeper) follow(ctx context.Context, all list, wanted []item) error {
	var faults []error
	items, isWanted := map[string]item{}, map[string]bool{}
	for _, f := range wanted {
		isWanted[f.Name] = true
		before, known := k.items[f.Name]
		err := k.place(ctx, f, before)
		if err == nil {
			items[f.Name] = f
			continue
		}
		faults = append(faults, fmt.Errorf("function %s: %w", f.Name, err))
		if known {
			items[f.Name] = before
		}
	}
	for name, sum := range k.links() {
		if !isWanted[name] {
			faults = append(faults, k.unlink(name, sum))
		}
	}
	for _, f := range items { // several may have had the same code
		delete(k.due, f.Sum)
	}
	k.items = items
	return errors.Join(append(faults, k.writeList(all))...)
}

// place has a function's code in place, and its link lead there.
func (k *codeKeeper) place(ctx context.Context, f, before item) error {
	if !k.isThere(f.Sum) {
		if err := k.fetch(ctx, f); err != nil {
			return err
		}
	}
	link, to := filepath.Join(k.Dir, f.Name), filepath.Join(VersionsFolder, f.Sum)
	now, err := os.Readlink(link)
	switch {
	case err == nil && now == to:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not a link: it must not be there: %w", link, err)
	}
	if err == nil {
		k.touch(filepath.Base(now))
	}
	if err := k.relink(link, to); err != nil {
		return err
	}
	if before.ModifiedAt.After(f.ModifiedAt) {
		k.Log.Warn("the server has gone back to older code, and so does the folder",
			"function", f.Name, "sha256", f.Sum, "of", f.ModifiedAt, "before", before.ModifiedAt)
	} else {
		k.Log.Info("new code is in place", "function", f.Name, "sha256", f.Sum)
	}
	return nil
}

// relink makes a link, or has it lead elsewhere, by a rename.
func (k *codeKeeper) relink(link, to string) error {
	tmp := filepath.Join(k.versions, madePrefix+filepath.Base(link)+"-"+unique())
	if err := os.Symlink(to, tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, link); err != nil {
		return errors.Join(err, remove(tmp))
	}
	return secretfile.SyncFolder(k.Dir)
}

// unlink removes the link of a function that is gone.
func (k *codeKeeper) unlink(name, sum string) error {
	k.Log.Info("the function is gone", "function", name)
	k.touch(sum)
	return errors.Join(remove(filepath.Join(k.Dir, name)), secretfile.SyncFolder(k.Dir))
}

// touch notes that a version is replaced now, also for one that starts later.
func (k *codeKeeper) touch(sum string) {
	now := k.Now()
	_ = os.Chtimes(filepath.Join(k.versions, sum), now, now)
	k.due[sum] = now.Add(k.Keep)
}

// sweep removes the versions whose time is over, but none to which another agent of the
// folder has let a link lead again.
func (k *codeKeeper) sweep() {
	now := k.Now()
	for sum, due := range k.due {
		if now.Before(due) {
			continue
		}
		delete(k.due, sum)
		if !slices.Contains(slices.Collect(maps.Values(k.links())), sum) {
			k.remove(sum)
		}
	}
}

// remove removes a folder or link of the folder of versions. It has another name first:
// one that is called after a sum is whole at any time. What cannot be removed is so by
// the next start.
func (k *codeKeeper) remove(name string) {
	gone := filepath.Join(k.versions, removedPrefix+unique())
	if err := os.Rename(filepath.Join(k.versions, name), gone); err != nil {
		return
	}
	_ = filepath.WalkDir(gone, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			err = os.Chmod(path, 0o700) // or nothing in it can be removed
		}
		return err
	})
	if err := os.RemoveAll(gone); err != nil {
		k.Log.Warn("an old version could not be removed", "err", err)
	}
}

// writeList replaces FunctionsFile if it is another, and tells of it.
func (k *codeKeeper) writeList(all list) error {
	names := make([]string, 0, len(k.items))
	for name := range k.items {
		names = append(names, name)
	}
	slices.Sort(names)
	items := []json.RawMessage{}
	for _, name := range names {
		items = append(items, k.items[name].text)
	}
	var err error
	if all["items"], err = json.Marshal(items); err != nil {
		return err
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil || bytes.Equal(text, k.text) {
		return err
	}
	if err := replace(filepath.Join(k.Dir, FunctionsFile), string(text), k.gid); err != nil {
		return err
	}
	k.tell(text)
	return nil
}

// tell notes what FunctionsFile holds, and tells of it.
func (k *codeKeeper) tell(text []byte) {
	k.text = text
	if k.Changed != nil {
		k.Changed(text)
	}
}
