package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// forged makes an archive whose end is right, whatever comes before it.
func forged(t testing.TB, s Summary, entries func(w *writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := &writer{ctx: t.Context(), out: &b, hash: sha256.New()}
	entries(w)
	s.Bytes, s.SHA256 = w.n, hex.EncodeToString(w.hash.Sum(nil))
	if err := w.end(s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *writer) put(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := w.entry(name, int64(len(content)), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func packed(lines string) []byte {
	var b bytes.Buffer
	gz, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, _ = io.WriteString(gz, lines)
	_ = gz.Close()
	return b.Bytes()
}

var (
	codeOne  = []byte("one")
	codeTwo  = []byte("two")
	sumOne   = blob.Sum(sha256.Sum256(codeOne)).String() // 7692…
	sumTwo   = blob.Sum(sha256.Sum256(codeTwo)).String() // 3fc4…
	accounts = packed(`["wx00000000000000a1",false,true,false]` + "\n")
	bound    = Info{Program: "opentcb test", Made: time.Unix(1_790_000_000, 0)}
)

// functions is a chunk of functions with such code.
func functions(sums ...string) []byte {
	var lines strings.Builder
	for i, sum := range sums {
		lines.WriteString(`["wx00000000000000a1","env","f` + string(rune('a'+i)) + `","",0,"` + sum + `",3,"index.main",false,1,-2]` + "\n")
	}
	return packed(lines.String())
}

// plain is a sound archive, entry by entry.
func plain(t testing.TB) (Summary, func(w *writer)) {
	s := Summary{Manifest: newManifest(bound, "0badcafe"), Rows: map[string]int64{"accounts": 1, "functions": 3}, Code: 2, CodeBytes: 6}
	return s, func(w *writer) {
		w.put(t, manifestName, text(s.Manifest))
		w.put(t, chunkName(1, "accounts"), accounts)
		w.put(t, chunkName(2, "functions"), functions(sumOne, sumTwo, sumOne))
		w.put(t, codeFolder+sumTwo, codeTwo)
		w.put(t, codeFolder+sumOne, codeOne)
	}
}

func plainArchive(t testing.TB) []byte {
	s, entries := plain(t)
	return forged(t, s, entries)
}

// swapped makes an archive one of whose entries is another; nil leaves it out.
func swapped(t testing.TB, name string, others func(w *writer)) []byte {
	t.Helper()
	s, _ := plain(t)
	return forged(t, s, func(w *writer) {
		for _, e := range []struct {
			name    string
			content []byte
		}{
			{manifestName, text(s.Manifest)}, {chunkName(1, "accounts"), accounts},
			{chunkName(2, "functions"), functions(sumOne, sumTwo, sumOne)}, {codeFolder + sumTwo, codeTwo}, {codeFolder + sumOne, codeOne},
		} {
			switch {
			case e.name != name:
				w.put(t, e.name, e.content)
			case others != nil:
				others(w)
			}
		}
	})
}

// hostile are archives that no program of ours wrote. Their ends are right.
func hostile(t testing.TB) map[string][]byte {
	one := func(name string, content []byte) func(w *writer) {
		return func(w *writer) { w.put(t, name, content) }
	}
	first, second := chunkName(1, "accounts"), chunkName(2, "functions")
	manifest := func(change func(m *Manifest)) []byte {
		m := newManifest(bound, "0badcafe")
		change(&m)
		return swapped(t, manifestName, one(manifestName, text(m)))
	}
	s, entries := plain(t)
	endAt := bytes.Index(plainArchive(t), []byte(endName))
	miscounted := s
	miscounted.Code++
	all := map[string][]byte{
		"nothing":                     nil,
		"a text":                      []byte(strings.Repeat("this is no archive ", 100)),
		"zeros":                       make([]byte, 4096),
		"packed":                      packed("x"),
		"no manifest":                 swapped(t, manifestName, nil),
		"the manifest is no JSON":     swapped(t, manifestName, one(manifestName, []byte("{"))),
		"the manifest is empty":       swapped(t, manifestName, one(manifestName, nil)),
		"the manifest is too large":   swapped(t, manifestName, one(manifestName, make([]byte, maxText+1))),
		"the manifest has more":       swapped(t, manifestName, one(manifestName, append(text(s.Manifest), ' '))),
		"the manifest has no format":  manifest(func(m *Manifest) { m.Format = 0 }),
		"a table is missing":          manifest(func(m *Manifest) { m.Tables = m.Tables[1:] }),
		"a column is missing":         manifest(func(m *Manifest) { m.Tables[0].Columns = m.Tables[0].Columns[1:] }),
		"an older schema, odd table":  manifest(func(m *Manifest) { m.Schema--; m.Tables[0].Name = "meta" }),
		"an older schema, odd column": manifest(func(m *Manifest) { m.Schema--; m.Tables[0].Columns[0] = "x; DROP TABLE accounts" }),
		"an older schema, table twice": manifest(func(m *Manifest) {
			m.Schema--
			m.Tables = append(m.Tables, m.Tables[0])
		}),
		"the manifest twice": swapped(t, first, one(manifestName, text(s.Manifest))),

		"no such table":     swapped(t, first, one(chunkName(1, "meta"), accounts)),
		"rows left out":     swapped(t, first, nil),
		"rows twice":        swapped(t, first, func(w *writer) { w.put(t, first, accounts); w.put(t, first, accounts) }),
		"a number left out": swapped(t, first, one(chunkName(2, "accounts"), accounts)),
		"tables out of order": swapped(t, second, func(w *writer) {
			w.put(t, second, functions(sumOne, sumTwo))
			w.put(t, chunkName(3, "accounts"), accounts)
		}),
		"an empty chunk":          swapped(t, first, one(first, packed(""))),
		"a chunk of nothing":      swapped(t, first, one(first, nil)),
		"a chunk that is a text":  swapped(t, first, one(first, []byte("text"))),
		"a chunk that breaks off": swapped(t, first, one(first, accounts[:len(accounts)-9])),
		"something follows rows":  swapped(t, first, one(first, append(bytes.Clone(accounts), 0))),
		"two chunks in one":       swapped(t, first, one(first, append(bytes.Clone(accounts), accounts...))),
		"a row of commas":         swapped(t, first, one(first, packed("["+strings.Repeat("0,", 1<<20)+"0]"))),
		"deep rows":               swapped(t, first, one(first, packed(strings.Repeat("[", 100_000)))),

		"code left out":       swapped(t, codeFolder+sumTwo, nil),
		"the last code":       swapped(t, codeFolder+sumOne, nil),
		"other code":          swapped(t, codeFolder+sumTwo, one(codeFolder+sumTwo, []byte("owt"))),
		"code twice":          swapped(t, codeFolder+sumOne, func(w *writer) { w.put(t, codeFolder+sumOne, codeOne); w.put(t, codeFolder+sumOne, codeOne) }),
		"code of no function": swapped(t, second, one(second, functions(sumOne))),
		"code before rows":    swapped(t, first, func(w *writer) { w.put(t, codeFolder+sumTwo, codeTwo); w.put(t, first, accounts) }),
		"code out of order":   swapped(t, codeFolder+sumTwo, func(w *writer) { w.put(t, codeFolder+sumOne, codeOne); w.put(t, codeFolder+sumTwo, codeTwo) }),
		"code of no name":     swapped(t, second, one(second, functions(strings.ToUpper(sumOne)))),
		"rows after code": swapped(t, codeFolder+sumOne, func(w *writer) {
			w.put(t, codeFolder+sumOne, codeOne)
			w.put(t, chunkName(3, "functions"), functions(sumOne))
		}),

		"written between": swapped(t, first, func(w *writer) {
			head, _ := header(first, int64(len(accounts)))
			_, _ = w.Write(head)
			_, _ = w.Write(accounts)
			_, _ = w.Write(bytes.Repeat([]byte{1}, int(padding(int64(len(accounts))))))
		}),
		"a table of no rows is missing": manifest(func(m *Manifest) { m.Tables = m.Tables[:len(m.Tables)-1] }),
		"the end has another size": append(plainArchive(t)[:endAt], func() []byte {
			head, _ := header(endName, 1)
			return append(head, plainArchive(t)[endAt+block:]...)
		}()...),
		"miscounted":   forged(t, miscounted, entries),
		"another name": swapped(t, first, func(w *writer) { w.put(t, first, accounts); w.put(t, "../../etc/passwd", codeOne) }),
		"a path":       swapped(t, first, func(w *writer) { w.put(t, first, accounts); w.put(t, rowsFolder+"../x", accounts) }),
		"the end twice": append(plainArchive(t)[:len(plainArchive(t))-len(zeros)], func() []byte {
			b, _ := lastBytes(s)
			return b
		}()...),
		"something follows": append(plainArchive(t), 0),
		"twice":             append(plainArchive(t), plainArchive(t)...),
	}
	for what, row := range map[string]string{
		"too few values": `["a",false,true]`, "too many": `["a",false,true,false,false]`, "another kind": `["a",false,true,"x"]`,
		"a number as text": `[1,false,true,false]`, "null": `["a",null,true,false]`, "null text": `[null,true,true,false]`, "an object": `{"appid":"a"}`,
		"no row": "", "two rows on a line": `["a",false,true,false]["b",false,true,false]`, "T": `["a",T,true,false]`, "bytes of nothing": `[{},false,true,false]`,
		"other bytes": `[{"base64":"!"},false,true,false]`, "odd bytes": `[{"base64":"","x":1},false,true,false]`,
	} {
		all["row with "+what] = swapped(t, first, one(first, packed(row+"\n")))
	}
	for what, number := range map[string]string{"a fraction": "1.5", "an exponent": "1e3", "too great": "9223372036854775808", "a text": `"1"`} {
		line := `["wx00000000000000a1","env","f","",0,"",` + number + `,"",false,1,2]`
		all["number with "+what] = swapped(t, second, one(second, packed(line)))
	}
	for what, h := range map[string]tar.Header{
		"link": {Typeflag: tar.TypeSymlink, Name: manifestName, Linkname: "/etc/passwd"}, "folder": {Typeflag: tar.TypeDir, Name: rowsFolder},
		"pax": {Typeflag: tar.TypeReg, Name: manifestName, PAXRecords: map[string]string{"OPENTCB.x": "y"}, Format: tar.FormatPAX},
		"gnu": {Typeflag: tar.TypeReg, Name: manifestName, Format: tar.FormatGNU, Mode: 0o600}, "mode": {Typeflag: tar.TypeReg, Name: manifestName, Mode: 0o644, Format: tar.FormatUSTAR},
	} {
		var b bytes.Buffer
		if err := tar.NewWriter(&b).WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		all["a tar with "+what] = append(b.Bytes(), plainArchive(t)...)
	}
	return all
}

// TestHostile wants archives refused that nobody of ours wrote, and as what
// they are.
func TestHostile(t *testing.T) {
	t.Parallel()
	if _, err := Verify(t.Context(), bytes.NewReader(plainArchive(t)), nil); err != nil {
		t.Fatalf("a sound one: %v", err)
	}
	for what, archive := range hostile(t) {
		c, err := verify(t.Context(), bytes.NewReader(archive), nil)
		if err != nil && strings.Contains(err.Error(), "add up") && !slices.Contains([]string{"miscounted", "the end has another size", "the end twice"}, what) {
			// So that it is not the counts that give it away.
			last, _ := lastBytes(c.summary)
			_, err = Verify(t.Context(), bytes.NewReader(append(archive[:c.summary.Bytes:c.summary.Bytes], last...)), nil)
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
		err = eachRow(bytes.NewReader(packed(lines)), kinds, int64(100*len(row)), func([]any) error { n++; return nil })
		return n, err
	}
	if n, err := read(strings.Repeat(row, 100)); err != nil || n != 100 {
		t.Errorf("at the bound: %d rows, %v", n, err)
	}
	for what, lines := range map[string]string{"rows": strings.Repeat(row, 101), "a row": "[" + strings.Repeat(" ", 100*len(row)) + row[1:]} {
		if _, err := read(lines); !errors.Is(err, ErrBroken) {
			t.Errorf("%s beyond the bound: %v", what, err)
		}
	}
}

// TestLargeEntries are refused by their headers, before they are read.
func TestLargeEntries(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{manifestName: maxText + 1, chunkName(1, "accounts"): maxRows + 1, codeFolder + sumOne: maxCode + 1, endName: 1 << 32, "other": 1} {
		head, err := header(name, size)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newReader(t.Context(), bytes.NewReader(head), "", nil).next(); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "it has an entry") {
			t.Errorf("%s of %d bytes: %v", name, size, err)
		}
	}
}

// TestNewer tells to use the newer program, whatever else the archive has.
func TestNewer(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(m *Manifest){
		"format": func(m *Manifest) { m.Format = 2 },
		"schema": func(m *Manifest) { m.Schema++; m.Tables = append(m.Tables, Table{"other", []string{"x"}}) },
	} {
		m := newManifest(bound, "0badcafe")
		change(&m)
		m.Program = "opentcb v9"
		_, err := Verify(t.Context(), bytes.NewReader(swapped(t, manifestName, func(w *writer) { w.put(t, manifestName, text(m)) })), nil)
		if err == nil || !strings.Contains(err.Error(), "use the newer program, \"opentcb v9\"") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestOlder: an archive of an older schema, with fewer tables and columns, is
// sound.
func TestOlder(t *testing.T) {
	t.Parallel()
	s := Summary{Manifest: newManifest(bound, "0badcafe"), Rows: map[string]int64{"code": 1}}
	s.Schema--
	s.Tables = []Table{{"code", []string{"sum"}}}
	old := forged(t, s, func(w *writer) {
		w.put(t, manifestName, text(s.Manifest))
		w.put(t, chunkName(1, "code"), packed(`["x"]`))
	})
	if _, err := Verify(t.Context(), bytes.NewReader(old), nil); err != nil {
		t.Error(err)
	}
}

// sampled says whether a byte is looked at: all of the last ones, some others.
func sampled(n, of int) bool { return n > of-600 || n%29 == 0 }

// TestTruncated refuses the beginnings of an archive.
func TestTruncated(t *testing.T) {
	t.Parallel()
	whole := plainArchive(t)
	for n := range whole {
		if !sampled(n, len(whole)) {
			continue
		}
		if _, err := Verify(t.Context(), bytes.NewReader(whole[:n]), nil); !errors.Is(err, ErrBroken) {
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
		if _, err := Verify(t.Context(), bytes.NewReader(whole), nil); err == nil {
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
		s, err := Verify(t.Context(), bytes.NewReader(data), nil)
		if err == nil && s.Bytes > int64(len(data)) {
			t.Errorf("%d bytes of %d", s.Bytes, len(data))
		}
		first := chunkName(1, "accounts")
		archive := swapped(t, first, func(w *writer) { w.put(t, first, packed(string(data))) })
		s, err = Verify(t.Context(), bytes.NewReader(archive), nil)
		if err == nil && s.Rows["accounts"] != 1 {
			t.Errorf("an end that counts 1 was taken for %d rows", s.Rows["accounts"])
		}
	})
}
