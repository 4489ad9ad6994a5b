package blob

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// overwrite alters a file in place and puts its modification time back.
func overwrite(t *testing.T, name, text string) {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close(), os.Chtimes(name, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
}

func opens(t *testing.T, d *Dir, sum Sum, want error) {
	t.Helper()
	b, err := d.Open(t.Context(), sum)
	if err == nil {
		b.Close()
	}
	if !errors.Is(err, want) {
		t.Errorf("Open: %v, want %v", err, want)
	}
}

// TestVerificationIsRemembered proves DF-11 for files that have settled, whose
// verification is believed for ten minutes.
func TestVerificationIsRemembered(t *testing.T) {
	var ahead atomic.Int64
	var path string
	var d *Dir
	var sums []Sum
	for began := time.Now(); sums == nil || time.Since(began) >= settleFor; { // or they have settled meanwhile
		began, path, sums = time.Now(), t.TempDir(), nil
		d = openWith(t, path, Config{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
		for _, text := range []string{"rots silently", "is overwritten", "is touched"} {
			sum, err := commit(t, d, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			opens(t, d, sum, nil)
			sums = append(sums, sum)
		}
	}
	if n := len(d.verified.of); n != 0 {
		t.Fatalf("%d files are believed that could be altered without trace", n)
	}
	settle()
	var held []Blob
	for _, sum := range sums {
		b, err := d.Open(t.Context(), sum)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		held = append(held, b)
	}
	if n := len(d.verified.of); n != 3 {
		t.Fatalf("%d files are remembered, want 3", n)
	}

	t.Run("silent rot", func(t *testing.T) {
		// A disk rots without touching timestamps; a test has to make the
		// memory believe that they are as they were.
		name := filepath.Join(path, sums[0].name())
		overwrite(t, name, "ROTS")
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		d.verified.remember(sums[0], verification{of: identify(info), at: d.now()})
		ahead.Store(int64(trustFor - time.Second))
		opens(t, d, sums[0], nil)
		ahead.Store(int64(trustFor))
		opens(t, d, sums[0], ErrCorrupt)
		ahead.Store(0)
		opens(t, d, sums[0], ErrCorrupt)
	})
	t.Run("clock set back", func(t *testing.T) {
		at := d.now().Add(time.Hour)
		if d.verified.trusts(sums[1], d.verified.of[sums[1]].of, at.Add(-2*time.Hour)) {
			t.Error("a verification of the future is believed")
		}
	})
	t.Run("overwritten", func(t *testing.T) {
		overwrite(t, filepath.Join(path, sums[1].name()), "IS")
		opens(t, d, sums[1], ErrCorrupt)
		if err := held[1].Intact(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("Intact: %v", err)
		}
	})
	t.Run("touched", func(t *testing.T) {
		name := filepath.Join(path, sums[2].name())
		if err := errors.Join(os.Chmod(name, 0o400), os.Link(name, name+".backup")); err != nil {
			t.Fatal(err)
		}
		if err := held[2].Intact(); err != nil {
			t.Errorf("Intact: %v", err)
		}
		opens(t, d, sums[2], nil)
	})
}

// Young code is hashed once per write, however often it is opened, from 50 ms
// after the write on; where the file system stamps coarsely, from 2.5 s on.
func TestHashedOncePerWrite(t *testing.T) {
	var ahead atomic.Int64
	path := t.TempDir()
	d := openWith(t, path, Config{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	sum, err := commit(t, d, []byte("young"))
	if err != nil {
		t.Fatal(err)
	}
	settle()
	hashed := func() time.Time { // when it last was
		t.Helper()
		ahead.Add(int64(time.Second))
		opens(t, d, sum, nil)
		return d.verified.of[sum].at
	}
	first := hashed()
	if first.IsZero() {
		t.Fatal("that the code was hashed is not remembered")
	}
	for range 10 {
		if got := hashed(); !got.Equal(first) {
			t.Fatal("the code was hashed again, and nobody had touched it")
		}
	}
	if err := os.Chmod(filepath.Join(path, sum.name()), 0o400); err != nil {
		t.Fatal(err)
	}
	settle()
	if again := hashed(); !again.After(first) || !hashed().Equal(again) {
		t.Error("code that was touched is hashed once")
	}
	written := time.Unix(1_790_000_000, 123)
	for nanos, want := range map[int64]time.Duration{123: 50 * time.Millisecond, 0: 2500 * time.Millisecond} {
		at := written.Add(time.Duration(nanos - 123))
		id := identity{inode: 1, ctime: at.UnixNano()}
		if id.settled(at.Add(want)) || !id.settled(at.Add(want+1)) {
			t.Errorf("a file stamped %d ns after the second is hashed each time for another time than %v", nanos, want)
		}
	}
}

// TestAlteredWithinATick proves DF-11 for a blob that was altered so soon that
// its timestamps stayed as they were.
func TestAlteredWithinATick(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	sum, err := commit(t, d, []byte("fresh"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := d.Open(t.Context(), sum)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if err := opened.Intact(); err != nil {
		t.Errorf("Intact: %v", err)
	}
	overwrite(t, filepath.Join(path, sum.name()), "FRESH")
	b := opened.(*dirBlob)
	if b.info, err = b.file.Stat(); err != nil { // as if the clock had not ticked
		t.Fatal(err)
	}
	if err := opened.Intact(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Intact: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	for i := range maxRemembered + 100 {
		m.remember(Sum{byte(i), byte(i >> 8), byte(i >> 16)}, verification{})
	}
	if n := len(m.of); n != maxRemembered {
		t.Errorf("%d are remembered, want %d", n, maxRemembered)
	}
}

func TestFolderUnderABlobsName(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	if err := os.MkdirAll(filepath.Join(path, Sum{}.name()), 0o700); err != nil {
		t.Fatal(err)
	}
	opens(t, d, Sum{}, ErrCorrupt)
}

// BenchmarkRead50MiB reads a settled blob and its bare file in turns; ratio is
// the bare file's time by the blob's: 1 is as fast, less is slower.
func BenchmarkRead50MiB(b *testing.B) {
	path := b.TempDir()
	d := openDir(b, path)
	sum, err := commit(b, d, make([]byte, 50<<20))
	if err != nil {
		b.Fatal(err)
	}
	settle()
	read := func(r io.ReadCloser, err error) {
		if err != nil {
			b.Fatal(err)
		}
		defer r.Close()
		if _, err := io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}); err != nil {
			b.Fatal(err)
		}
		if blob, ok := r.(Blob); ok && blob.Intact() != nil {
			b.Fatal("not intact")
		}
	}
	read(d.Open(b.Context(), sum))
	var bare, ours time.Duration
	for b.Loop() {
		start := time.Now()
		read(os.Open(filepath.Join(path, sum.name())))
		middle := time.Now()
		read(d.Open(b.Context(), sum))
		bare, ours = bare+middle.Sub(start), ours+time.Since(middle)
	}
	b.SetBytes(2 * 50 << 20)
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "ratio")
}
