package blobtest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/opentcb/opentcb/internal/blob"
)

// together runs n of f at once and fails with their errors.
func (e exam) together(n int, f func(i int) error) {
	e.Helper()
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			if err := f(i); err != nil {
				e.Error(err)
			}
		})
	}
	group.Wait()
}

// keep and check are put and expect for goroutines, which must not Fatal.
func (e exam) keep(data []byte) error {
	d, err := e.store.Create(e.Context())
	if err != nil {
		return err
	}
	defer d.Discard()
	if _, err := d.Write(data); err != nil {
		return err
	}
	return d.Commit(e.Context())
}

func (e exam) check(data []byte) error {
	b, err := e.store.Open(e.Context(), sumOf(data))
	if err != nil {
		return err
	}
	defer b.Close()
	got, err := io.ReadAll(b)
	if err == nil && !bytes.Equal(got, data) {
		err = errors.New("read other bytes than were stored")
	}
	return errors.Join(err, b.Intact())
}

func sameBytes(e exam) {
	for round := range 5 {
		data := bytesOf(uint64(round), 200_000)
		e.together(8, func(int) error { return errors.Join(e.keep(data), e.check(data)) })
	}
	e.noDrafts()
}

// crowd has writers, readers and discarders on few names, so that they meet.
func crowd(e exam) {
	e.together(24, func(i int) error {
		var errs []error
		for j := range 3 {
			data := bytesOf(uint64(i*j%11), 30_000)
			errs = append(errs, e.keep(data), e.check(data), e.store.Ping(e.Context()))
			d, err := e.store.Create(e.Context())
			if err == nil {
				_, err = d.Write(data)
				err = errors.Join(err, d.Discard())
			}
			errs = append(errs, err, e.check(data))
		}
		return errors.Join(errs...)
	})
	e.noDrafts()
}

// memoryFlat streams 64 MiB in and out.
func memoryFlat(e exam) {
	piece := bytesOf(1, 64<<10)
	base := heap(true)
	var most uint64
	d := e.create()
	defer d.Discard()
	for i := range 1024 {
		e.write(d, piece)
		if i%64 == 0 {
			most = max(most, heap(false))
		}
	}
	if err := d.Commit(e.Context()); err != nil {
		e.Fatal(err)
	}
	most = max(most, heap(false))
	b := e.open(d.Sum())
	defer b.Close()
	for n := b.Size(); n > 0; n -= int64(len(piece)) {
		if _, err := io.ReadFull(b, piece); err != nil {
			e.Fatal(err)
		}
	}
	if err := b.Intact(); err != nil {
		e.Error(err)
	}
	if most = max(most, heap(false)); most > base+8<<20 {
		e.Errorf("heap grew by %d KiB", (most-base)>>10)
	}
}

func heap(collect bool) uint64 {
	if collect {
		runtime.GC()
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// descriptors goes every way out of a store, also the failing ones. It keeps
// the collector from closing what was forgotten.
func descriptors(e exam) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	e.everyWay(0)
	before := e.openFiles()
	for i := range 20 {
		e.everyWay(i)
	}
	if after := e.openFiles(); after > before+10 {
		e.Errorf("%d open files, %d before", after, before)
	}
	e.noDrafts()
}

func (e exam) everyWay(i int) {
	data := damaged(i)[:5000]
	e.put(data)
	e.put(data)
	e.expect(data)
	e.refuse(e.Context(), blob.Sum{7}, blob.ErrNotFound)
	e.Alter(e.T, e.store, sumOf(data), damages[0].change)
	e.refuse(e.Context(), sumOf(data), blob.ErrCorrupt)
	if err := e.create().Discard(); err != nil {
		e.Error(err)
	}
	if err := e.store.Ping(e.Context()); err != nil {
		e.Error(err)
	}
}

func (e exam) openFiles() int {
	e.Helper()
	files, err := os.ReadDir("/dev/fd")
	if err != nil {
		e.Fatal(err)
	}
	return len(files)
}
