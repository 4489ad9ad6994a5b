package backup

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// TestHostile wants archives refused that nobody of ours wrote, and as what
// they are.
func TestHostile(t *testing.T) {
	t.Parallel()
	if _, err := Verify(t.Context(), bytes.NewReader(plainArchive(t)), nil, nil); err != nil {
		t.Fatalf("a sound one: %v", err)
	}
	for what, archive := range hostile(t) {
		c, err := verify(t.Context(), bytes.NewReader(archive), nil)
		atEnd := slices.Contains([]string{"miscounted", "the end has another size", "the end twice"}, what)
		if err != nil && strings.Contains(err.Error(), "add up") && !atEnd {
			// So that it is not the counts that give it away.
			whole := append(archive[:c.summary.Bytes:c.summary.Bytes], last(t, c.summary)...)
			_, err = Verify(t.Context(), bytes.NewReader(whole), nil, nil)
		}
		if !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestLargeChunks: a chunk is not unpacked beyond its bound, be it of many
// rows or of a long one.
func TestLargeChunks(t *testing.T) {
	t.Parallel()
	row := `["wx00000000000000a1",false,true,false]` + "\n"
	kinds := []sqlstore.Kind{sqlstore.Text, sqlstore.Boolean, sqlstore.Boolean, sqlstore.Boolean}
	read := func(lines string) (n int, err error) {
		chunk := bytes.NewReader(packed(lines))
		err = eachRow(chunk, kinds, int64(100*len(row)), func([]any) error { n++; return nil })
		return n, err
	}
	if n, err := read(strings.Repeat(row, 100)); err != nil || n != 100 {
		t.Errorf("at the bound: %d rows, %v", n, err)
	}
	for what, lines := range map[string]string{
		"rows":  strings.Repeat(row, 101),
		"a row": "[" + strings.Repeat(" ", 100*len(row)) + row[1:],
	} {
		if _, err := read(lines); !errors.Is(err, ErrBroken) {
			t.Errorf("%s beyond the bound: %v", what, err)
		}
	}
}

// TestLargeEntries are refused by their headers, before they are read.
func TestLargeEntries(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{
		manifestName: maxText + 1, rowsOne: maxRows + 1, codeFolder + sumOne: maxCode + 1, endName: 1 << 32, "other": 1,
	} {
		_, err := newReader(t.Context(), bytes.NewReader(header(t, name, size)), "", nil).next()
		if !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "it has an entry") {
			t.Errorf("%s of %d bytes: %v", name, size, err)
		}
	}
}

// TestNewer tells to use the newer program, whatever else the archive has.
func TestNewer(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(m *Manifest){
		"format": func(m *Manifest) { m.Format = 3 },
		"schema": func(m *Manifest) { m.Schema++; m.Tables = append(m.Tables, Table{"other", []string{"x"}}) },
	} {
		m := newManifest(bound, key.KeyID())
		change(&m)
		m.Program = "opentcb v9"
		archive := swapped(t, manifestName, one(t, manifestName, text(m)))
		_, err := Verify(t.Context(), bytes.NewReader(archive), nil, nil)
		if err == nil || !strings.Contains(err.Error(), "use the newer program, \"opentcb v9\"") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestForged: whoever has not the master key can alter an archive so that all of
// it adds up. It is complete then, but it is not restored.
func TestForged(t *testing.T) {
	t.Parallel()
	s, entries := plain(t)
	another, err := seal.NewRing(bytes.Repeat([]byte{1}, seal.MasterKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	resigned := func(sign func(s *Summary)) []byte {
		var b bytes.Buffer
		w := newWriter(t.Context(), &b, nil)
		w.put(t, manifestName, text(s.Manifest))
		w.put(t, chunkName(1, "accounts"), packed(`["wx00000000000000a1",false,true,true]`+"\n"))
		w.put(t, chunkName(2, "functions"), functions(sumOne, sumTwo, sumOne))
		w.put(t, codeFolder+sumTwo, codeTwo)
		w.put(t, codeFolder+sumOne, codeOne)
		changed := s
		changed.Bytes, changed.SHA256 = w.n, hex.EncodeToString(w.hash.Sum(nil))
		sign(&changed)
		return append(b.Bytes(), last(t, changed)...)
	}
	good := s
	good.sign(key)
	for what, archive := range map[string][]byte{
		"the MAC of another": resigned(func(s *Summary) { s.MAC = good.MAC }),
		"another key":        resigned(func(s *Summary) { s.sign(another) }),
		"another key's, renamed": resigned(func(s *Summary) {
			s.sign(another)
			s.MAC = strings.Replace(s.MAC, another.KeyID(), key.KeyID(), 1)
		}),
		"another use": resigned(func(s *Summary) { s.MAC = key.Vouch(seal.Row, text(s)) }),
	} {
		if _, err := Verify(t.Context(), bytes.NewReader(archive), nil, nil); err != nil {
			t.Errorf("%s: without the key: %v, want it complete", what, err)
		}
		if _, err := Verify(t.Context(), bytes.NewReader(archive), key, nil); !errors.Is(err, ErrForged) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := Open(t.Context(), bytes.NewReader(archive), key, nil); !errors.Is(err, ErrForged) {
			t.Errorf("%s: opened to be restored: %v", what, err)
		}
	}
	archive := forged(t, s, entries)
	if _, err := Open(t.Context(), bytes.NewReader(archive), key, nil); err != nil {
		t.Errorf("as it was made: %v", err)
	}
	if _, err := Verify(t.Context(), bytes.NewReader(archive), another, nil); err == nil || errors.Is(err, ErrForged) ||
		!strings.Contains(err.Error(), another.KeyID()) {
		t.Errorf("under another key: %v", err)
	}
}

// TestOlder: an archive of an older schema, with fewer tables and columns, is
// sound.
func TestOlder(t *testing.T) {
	t.Parallel()
	s := Summary{Manifest: newManifest(bound, key.KeyID()), Rows: map[string]int64{"code": 1}}
	s.Schema--
	s.Tables = []Table{{"code", []string{"sum"}}}
	old := forged(t, s, func(w *writer) {
		w.put(t, manifestName, text(s.Manifest))
		w.put(t, chunkName(1, "code"), packed(`["x"]`))
	})
	if _, err := Verify(t.Context(), bytes.NewReader(old), nil, nil); err != nil {
		t.Error(err)
	}
}

// sampled reports whether a byte is looked at: all of the last ones, some others.
func sampled(n, of int) bool { return n > of-600 || n%29 == 0 }

// TestTruncated refuses the beginnings of an archive.
func TestTruncated(t *testing.T) {
	t.Parallel()
	whole := plainArchive(t)
	for n := range whole {
		if !sampled(n, len(whole)) {
			continue
		}
		if _, err := Verify(t.Context(), bytes.NewReader(whole[:n]), nil, nil); !errors.Is(err, ErrBroken) {
			t.Fatalf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

// TestFlipped refuses an archive with a bit flipped.
func TestFlipped(t *testing.T) {
	t.Parallel()
	whole := plainArchive(t)
	for n := range whole {
		if !sampled(n, len(whole)) {
			continue
		}
		whole[n] ^= 1 << (n % 8)
		if _, err := Verify(t.Context(), bytes.NewReader(whole), key, nil); err == nil {
			t.Fatalf("a bit of byte %d of %d was flipped unseen", n, len(whole))
		}
		whole[n] ^= 1 << (n % 8)
	}
}

// FuzzVerify reads what may be an archive; and a sound one one of whose chunks
// of rows has these lines.
func FuzzVerify(f *testing.F) {
	f.Add(plainArchive(f))
	f.Add([]byte(`["wx00000000000000a1",false,true,false]`))
	f.Add([]byte(`[{"base64":"AP8="},true,true,true]` + "\n" + `["\u0000",false,true,false]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Verify(t.Context(), bytes.NewReader(data), nil, nil)
		if err == nil && s.Bytes > int64(len(data)) {
			t.Errorf("%d bytes of %d", s.Bytes, len(data))
		}
		archive := swapped(t, rowsOne, one(t, rowsOne, packed(string(data))))
		s, err = Verify(t.Context(), bytes.NewReader(archive), nil, nil)
		if err == nil && s.Rows["accounts"] != 1 {
			t.Errorf("an end that counts 1 was taken for %d rows", s.Rows["accounts"])
		}
	})
}
