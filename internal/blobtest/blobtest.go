package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/opentcb/opentcb/internal/blob"
)

// Hooks reach around a store, for what its interface cannot do. All are needed.
// The store they are given is one that open or Reopen returned.
type Hooks struct {
	// Reopen returns another store on the same blobs, as a restart would.
	Reopen func(t *testing.T, s blob.Store) blob.Store
	// Alter changes the stored bytes of a blob in place, behind the store's back.
	Alter func(t *testing.T, s blob.Store, sum blob.Sum, change func([]byte) []byte)
	// Drafts counts what is kept of drafts that have not become blobs.
	Drafts func(t *testing.T, s blob.Store) int
}

// exam is one store under test.
type exam struct {
	*testing.T
	Hooks
	store blob.Store
}

// Run examines the store that open returns. It calls open once for every part
// of the exam. Open returns an empty store each time, and closes it by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) blob.Store, hooks Hooks) {
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			part.run(exam{T: t, Hooks: hooks, store: open(t)})
		})
	}
}

var parts = []struct {
	name string
	run  func(exam)
}{
	{"DF-2 round trip", roundTrip},
	{"DF-2 reading in pieces", pieces},
	{"unknown blob", unknown},
	{"ping", ping},
	{"draft unseen before commit", unseen},
	{"draft read before commit", draftRead},
	{"discard leaves nothing", discard},
	{"commit again", commitAgain},
	{"commit twice the same draft", commitTwice},
	{"cancelled", cancelled},
	{"DF-11 altered before open", alteredBeforeOpen},
	{"DF-11 altered between opens", alteredBetweenOpens},
	{"DF-11 altered while open", alteredWhileOpen},
	{"DF-11 commit repairs", repair},
	{"DF-11 check", check},
	{"list", list},
	{"list stops", listStops},
	{"remove", remove},
	{"commit again makes young", commitMakesYoung},
	{"concurrent commits of the same bytes", sameBytes},
	{"many goroutines", crowd},
	{"memory stays flat", memoryFlat},
	{"no descriptor leaks", descriptors},
}

// bytesOf returns size bytes that differ with every seed.
func bytesOf(seed uint64, size int) []byte {
	data := make([]byte, size)
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	source.Read(data)
	return data
}

func sumOf(data []byte) blob.Sum { return sha256.Sum256(data) }

func (e exam) create() blob.Draft {
	e.Helper()
	d, err := e.store.Create(e.Context())
	if err != nil {
		e.Fatalf("Create: %v", err)
	}
	return d
}

func (e exam) write(d blob.Draft, data []byte) {
	e.Helper()
	if n, err := d.Write(data); n != len(data) || err != nil {
		e.Fatalf("Write: %d, %v, want %d, nil", n, err, len(data))
	}
}

// put stores data and returns its name.
func (e exam) put(data []byte) blob.Sum {
	e.Helper()
	d := e.create()
	defer d.Discard()
	e.write(d, data)
	if err := d.Commit(e.Context()); err != nil {
		e.Fatalf("Commit: %v", err)
	}
	return d.Sum()
}

func (e exam) open(sum blob.Sum) blob.Blob {
	e.Helper()
	b, err := e.store.Open(e.Context(), sum)
	if err != nil {
		e.Fatalf("Open: %v", err)
	}
	return b
}

// expect reads the blob that data makes, and compares.
func (e exam) expect(data []byte) {
	e.Helper()
	b := e.open(sumOf(data))
	defer b.Close()
	got, err := io.ReadAll(b)
	if err != nil {
		e.Errorf("read: %v", err)
	}
	if !bytes.Equal(got, data) || b.Size() != int64(len(data)) {
		e.Errorf("got other bytes: %d of size %d, want %d", len(got), b.Size(), len(data))
	}
	if err := b.Intact(); err != nil {
		e.Errorf("Intact: %v", err)
	}
}

// refuse wants Open to fail with a certain error.
func (e exam) refuse(ctx context.Context, sum blob.Sum, want error) {
	e.Helper()
	b, err := e.store.Open(ctx, sum)
	if err == nil {
		b.Close()
	}
	e.fails(err, want)
}

func (e exam) fails(err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Errorf("error %v, want %v", err, want)
	}
}

func (e exam) noDrafts() {
	e.Helper()
	if n := e.Drafts(e.T, e.store); n != 0 {
		e.Errorf("%d drafts are left", n)
	}
}
