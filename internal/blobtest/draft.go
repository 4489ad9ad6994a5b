package blobtest

import (
	"archive/zip"
	"bytes"
	"context"
	"io"

	"github.com/opentcb/opentcb/internal/blob"
)

func roundTrip(e exam) {
	sizes := []int{0, 1, 4095, 4096, 1 << 20, 20 << 20}
	for i, size := range sizes {
		data := bytesOf(uint64(i), size)
		if sum := e.put(data); sum != sumOf(data) {
			e.Errorf("%d bytes: sum %s is not theirs", size, sum)
		}
		e.expect(data)
	}
	e.noDrafts()
	e.store = e.Reopen(e.T, e.store)
	for i, size := range sizes {
		e.expect(bytesOf(uint64(i), size))
	}
}

// pieces reads as an answer to Range does (DF-9), from the middle and again.
func pieces(e exam) {
	data := bytesOf(1, 300_000)
	b := e.open(e.put(data))
	defer b.Close()
	for _, from := range []int64{299_999, 0, 150_000} {
		if at, err := b.Seek(from, io.SeekStart); at != from || err != nil {
			e.Fatalf("Seek: %d, %v", at, err)
		}
		if err := b.Intact(); err != nil {
			e.Fatalf("Intact: %v", err)
		}
		if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, data[from:]) {
			e.Errorf("from %d: %d bytes, %v", from, len(got), err)
		}
	}
	if end, err := b.Seek(0, io.SeekEnd); end != b.Size() || err != nil {
		e.Errorf("end is %d, %v, size %d", end, err, b.Size())
	}
}

func unknown(e exam) {
	e.refuse(e.Context(), blob.Sum{7}, blob.ErrNotFound)
	e.put([]byte("another"))
	e.refuse(e.Context(), blob.Sum{7}, blob.ErrNotFound)
}

func ping(e exam) {
	if err := e.store.Ping(e.Context()); err != nil {
		e.Errorf("Ping: %v", err)
	}
	e.noDrafts()
}

func unseen(e exam) {
	data := bytesOf(1, 100_000)
	d := e.create()
	defer d.Discard()
	e.write(d, data)
	e.refuse(e.Context(), d.Sum(), blob.ErrNotFound)
	if err := d.Commit(e.Context()); err != nil {
		e.Fatal(err)
	}
	e.expect(data)
}

// draftRead does what the check of an upload does: reads the zip's directory,
// which is at its end, before it is committed.
func draftRead(e exam) {
	d := e.create()
	defer d.Discard()
	z := zip.NewWriter(d)
	f, err := z.Create("index.js")
	if err != nil {
		e.Fatal(err)
	}
	f.Write(bytesOf(1, 70_000))
	if err := z.Close(); err != nil {
		e.Fatal(err)
	}
	whole := make([]byte, d.Size())
	if n, err := d.ReadAt(whole, 0); n != len(whole) || (err != nil && err != io.EOF) {
		e.Fatalf("ReadAt: %d, %v", n, err)
	}
	if d.Sum() != sumOf(whole) {
		e.Error("sum is not of what was written so far")
	}
	if n, err := d.ReadAt(make([]byte, 10), d.Size()-4); n != 4 || err != io.EOF {
		e.Errorf("ReadAt over the end: %d, %v, want 4, EOF", n, err)
	}
	r, err := zip.NewReader(d, d.Size())
	if err != nil || len(r.File) != 1 {
		e.Fatalf("zip: %v", err)
	}
	e.write(d, []byte("more")) // reading has not moved where writing goes on
	if err := d.Commit(e.Context()); err != nil {
		e.Fatal(err)
	}
	e.expect(append(whole, "more"...))
}

func discard(e exam) {
	d := e.create()
	e.write(d, bytesOf(1, 100_000))
	for range 2 {
		if err := d.Discard(); err != nil {
			e.Errorf("Discard: %v", err)
		}
	}
	e.noDrafts()
	if err := d.Commit(e.Context()); err == nil {
		e.Error("Commit after Discard succeeded")
	}
	if _, err := d.Write([]byte("x")); err == nil {
		e.Error("Write after Discard succeeded")
	}
	e.refuse(e.Context(), sumOf(bytesOf(1, 100_000)), blob.ErrNotFound)
}

// commitAgain stores what is stored, while somebody reads it.
func commitAgain(e exam) {
	data := bytesOf(1, 100_000)
	b := e.open(e.put(data))
	defer b.Close()
	e.put(data)
	e.noDrafts()
	if err := b.Intact(); err != nil {
		e.Errorf("storing the same bytes again broke off a reader: %v", err)
	}
	if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, data) {
		e.Errorf("reader got %d bytes, %v", len(got), err)
	}
	e.expect(data)
}

func commitTwice(e exam) {
	d := e.create()
	e.write(d, []byte("once"))
	for range 2 {
		if err := d.Commit(e.Context()); err != nil {
			e.Fatalf("Commit: %v", err)
		}
	}
	if err := d.Discard(); err != nil {
		e.Errorf("Discard after Commit: %v", err)
	}
	if d.Sum() != sumOf([]byte("once")) || d.Size() != 4 {
		e.Error("sum or size changed with Commit")
	}
	e.expect([]byte("once"))
}

func cancelled(e exam) {
	ctx, cancel := context.WithCancel(e.Context())
	stored := e.put(bytesOf(1, 5_000_000))
	d := e.create()
	defer d.Discard()
	e.write(d, []byte("given up"))
	cancel()
	e.refuse(ctx, stored, context.Canceled)
	e.fails(e.store.Ping(ctx), context.Canceled)
	_, err := e.store.Create(ctx)
	e.fails(err, context.Canceled)
	e.fails(d.Commit(ctx), context.Canceled)
	e.noDrafts() // before Discard: a Commit that fails gives up the draft
	if err := d.Commit(e.Context()); err == nil {
		e.Error("Commit after a Commit that failed succeeded")
	}
	e.refuse(e.Context(), d.Sum(), blob.ErrNotFound)
	e.expect(bytesOf(1, 5_000_000))
}
