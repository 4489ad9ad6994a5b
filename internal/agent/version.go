package agent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/opentcb/opentcb/internal/codezip"
	"github.com/opentcb/opentcb/internal/secretfile"
)

// syncsAtOnce is how many files are synced at the same time: file systems do that together.
const syncsAtOnce = 16

// fetch has a function's code in the folder of versions. It appears there whole, by a
// rename, when it was verified, unpacked and synced.
func (k *codeKeeper) fetch(ctx context.Context, f item) error {
	ctx, cancel := context.WithTimeout(ctx, codeTime)
	defer cancel()
	name := madePrefix + unique()
	zip, err := os.OpenFile(filepath.Join(k.versions, name+".zip"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer k.remove(name + ".zip")
	defer zip.Close()
	if err := k.download(ctx, f, zip); err != nil {
		return err
	}
	code := filepath.Join(k.versions, name)
	defer k.remove(name)
	if err := codezip.Unpack(zip, f.Size, code, codezip.UploadLimits); err != nil {
		return err
	}
	if err := settle(code); err != nil {
		return err
	}
	err = os.Rename(code, filepath.Join(k.versions, f.Sum))
	if err != nil && k.isThere(f.Sum) { // another agent was as fast
		err = nil
	}
	return errors.Join(err, secretfile.SyncFolder(k.versions))
}

// download writes a function's zip to a file, and checks that it is the one.
func (k *codeKeeper) download(ctx context.Context, f item, zip io.Writer) error {
	sum := sha256.New()
	room := &limited{w: io.MultiWriter(zip, sum), left: f.Size}
	if err := k.Code(ctx, f.Name, f.Sum, room); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.Sum || room.left != 0 {
		return fmt.Errorf("the server sent other code than it said: sha256 %s in place of %s", got, f.Sum)
	}
	return nil
}

// limited writes so many bytes at most.
type limited struct {
	w    io.Writer
	left int64
}

// Write fails once there are more bytes than there may be.
func (l *limited) Write(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		return 0, errors.New("the server sent more code than it said")
	}
	n, err := l.w.Write(p)
	l.left -= int64(n)
	return n, err
}

// settle makes files 0444 and folders 0555, and syncs all: after the rename that
// follows, no power cut leaves a version by halves.
func settle(dir string) error {
	var folders []string
	var group sync.WaitGroup
	var mu sync.Mutex
	var faults []error
	slots := make(chan struct{}, syncsAtOnce)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			folders = append(folders, path)
			return err
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if err := settleFile(path); err != nil {
				mu.Lock()
				defer mu.Unlock()
				faults = append(faults, err)
			}
		})
		return nil
	})
	group.Wait()
	for i := len(folders) - 1; i >= 0 && err == nil; i-- { // what is in a folder comes first
		err = errors.Join(secretfile.SyncFolder(folders[i]), os.Chmod(folders[i], 0o555))
	}
	return errors.Join(append(faults, err)...)
}

func settleFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o444), f.Sync(), f.Close())
}

// unique returns a name that nothing else has.
func unique() string { return rand.Text() }
