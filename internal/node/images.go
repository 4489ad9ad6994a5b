package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// The images that no snapshot is: what was there at the start, and one that is
// being written. The names of snapshots have no such character.
const (
	startImage = "@start"
	newImage   = "@new"
)

// images are the states of the database that can be put back, a file each. It is
// safe for concurrent use.
type images struct {
	store  *sqlstore.Store
	folder string
	most   int // snapshots

	mu   sync.Mutex
	code map[string][]string // of each image, the SHA-256 of the code that it names
}

// openImages finds the snapshots of before.
func openImages(ctx context.Context, store *sqlstore.Store, folder string, most int) (*images, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	m := &images{store: store, folder: folder, most: most, code: map[string][]string{}}
	files, err := filepath.Glob(filepath.Join(folder, "*.db"))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".db")
		if strings.HasPrefix(name, "@") {
			continue
		}
		if m.code[name], err = store.ImageCode(ctx, file); err != nil {
			return nil, fmt.Errorf("the snapshot %s cannot be read: %w: remove the file, and the snapshot is gone", file, err)
		}
	}
	return m, err
}

func (m *images) file(name string) string { return filepath.Join(m.folder, name+".db") }

// save writes an image, in place of one of that name.
func (m *images) save(ctx context.Context, name string, at time.Time) (isNew bool, err error) {
	_, has := m.find(name)
	if snapshots, err := m.list(); err != nil || !has && name != startImage && len(snapshots) >= m.most {
		return false, errors.Join(err, cloud.Refused(cloud.LimitReached,
			fmt.Sprintf("there are %d snapshots, which is all that --max-snapshots allows: remove one", len(snapshots))))
	}
	made := m.file(newImage)
	if err := os.Remove(made); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	sums, err := m.store.SaveImage(ctx, made)
	if err = errors.Join(err, os.Chmod(made, 0o600), os.Chtimes(made, at, at)); err != nil {
		return false, err
	}
	if err := os.Rename(made, m.file(name)); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.code[name] = sums
	return !has, nil
}

// find returns a snapshot, and whether there is one of that name.
func (m *images) find(name string) (admin.Snapshot, bool) {
	info, err := os.Stat(m.file(name))
	if err != nil || strings.HasPrefix(name, "@") {
		return admin.Snapshot{}, false
	}
	return admin.Snapshot{Name: name, CreatedAt: info.ModTime().UTC(), Bytes: info.Size()}, true
}

// list returns all snapshots by name.
func (m *images) list() (all []admin.Snapshot, err error) {
	files, err := filepath.Glob(filepath.Join(m.folder, "*.db"))
	for _, file := range files {
		if s, ok := m.find(strings.TrimSuffix(filepath.Base(file), ".db")); ok {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b admin.Snapshot) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// remove removes a snapshot, and reports whether there was one.
func (m *images) remove(name string) (bool, error) {
	if _, ok := m.find(name); !ok {
		return false, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.code, name)
	return true, os.Remove(m.file(name))
}

// names reports whether an image names a piece of code.
func (m *images) names(sum blob.Sum) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, sums := range m.code {
		if slices.Contains(sums, sum.String()) {
			return true
		}
	}
	return false
}

// imagedBlobs keep the code that an image names: it is needed when that is put
// back.
type imagedBlobs struct {
	Blobs
	images *images
}

// Remove implements blob.Collector.
func (b *imagedBlobs) Remove(ctx context.Context, sum blob.Sum) error {
	if b.images.names(sum) {
		return nil
	}
	return b.Blobs.Remove(ctx, sum)
}

// sweep removes the code that neither a row nor an image names. Nobody may store
// code meanwhile.
func (b *imagedBlobs) sweep(ctx context.Context) error {
	named, err := b.images.store.ImageCode(ctx, "")
	if err != nil {
		return err
	}
	return b.List(ctx, func(sum blob.Sum, _ int64, _ time.Time) error {
		if slices.Contains(named, sum.String()) {
			return nil
		}
		return b.Remove(ctx, sum)
	})
}
