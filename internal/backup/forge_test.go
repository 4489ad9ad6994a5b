package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/seal"
)

// forged makes an archive whose end is right, whatever comes before it.
func forged(t testing.TB, s Summary, entries func(w *writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := newWriter(t.Context(), &b, nil)
	entries(w)
	s.Bytes, s.SHA256 = w.n, hex.EncodeToString(w.hash.Sum(nil))
	s.sign(key)
	return append(b.Bytes(), last(t, s)...)
}

// key is the master key of forged archives.
var key, _ = seal.NewRing(make([]byte, seal.MasterKeyBytes))

func last(t testing.TB, s Summary) []byte {
	t.Helper()
	b, err := lastBytes(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func header(t testing.TB, name string, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := writeHeader(tar.NewWriter(&b), name, size); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *writer) put(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := writeEntry(w.tar, name, int64(len(content)), bytes.NewReader(content)); err != nil {
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
		fmt.Fprintf(&lines, `["wx00000000000000a1","env","f%c","",0,"%s",3,"index.main",false,1,-2]`+"\n", 'a'+i, sum)
	}
	return packed(lines.String())
}

// plain is a sound archive, entry by entry.
func plain(t testing.TB) (Summary, func(w *writer)) {
	s := Summary{
		Manifest: fixedManifest(), Rows: map[string]int64{"accounts": 1, "functions": 3},
		Code: 2, CodeBytes: 6,
	}
	return s, func(w *writer) {
		w.put(t, manifestName, text(s.Manifest))
		w.put(t, chunkName(1, "accounts"), accounts)
		w.put(t, chunkName(2, "functions"), functions(sumOne, sumTwo, sumOne))
		w.put(t, codeFolder+sumTwo, codeTwo)
		w.put(t, codeFolder+sumOne, codeOne)
	}
}

// fixedManifest is of a schema of before, so that later columns change no test.
func fixedManifest() Manifest {
	m := newManifest(bound, key.KeyID())
	m.Schema = 16
	columns := map[string]int{"accounts": 4, "functions": 11} // later ones follow
	for i, t := range m.Tables {
		if n, ok := columns[t.Name]; ok {
			m.Tables[i].Columns = t.Columns[:n]
		}
	}
	return m
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
			{manifestName, text(s.Manifest)},
			{chunkName(1, "accounts"), accounts},
			{chunkName(2, "functions"), functions(sumOne, sumTwo, sumOne)},
			{codeFolder + sumTwo, codeTwo},
			{codeFolder + sumOne, codeOne},
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
	all := map[string][]byte{}
	for _, some := range []map[string][]byte{
		hostileManifests(t), hostileRows(t), hostileCode(t), hostileEnds(t), hostileTars(t),
	} {
		maps.Copy(all, some)
	}
	return all
}

// one writes one entry.
func one(t testing.TB, name string, content []byte) func(w *writer) {
	return func(w *writer) { w.put(t, name, content) }
}

// rowsOne and rowsTwo are the names of the rows of a plain archive.
var rowsOne, rowsTwo = chunkName(1, "accounts"), chunkName(2, "functions")

func hostileManifests(t testing.TB) map[string][]byte {
	manifest := func(change func(m *Manifest)) []byte {
		m := newManifest(bound, key.KeyID())
		change(&m)
		return swapped(t, manifestName, one(t, manifestName, text(m)))
	}
	s, _ := plain(t)
	return map[string][]byte{
		"no manifest":                   swapped(t, manifestName, nil),
		"the manifest is no JSON":       swapped(t, manifestName, one(t, manifestName, []byte("{"))),
		"the manifest is empty":         swapped(t, manifestName, one(t, manifestName, nil)),
		"the manifest is too large":     swapped(t, manifestName, one(t, manifestName, make([]byte, maxText+1))),
		"the manifest has more":         swapped(t, manifestName, one(t, manifestName, append(text(s.Manifest), ' '))),
		"the manifest has no format":    manifest(func(m *Manifest) { m.Format = 0 }),
		"a table is missing":            manifest(func(m *Manifest) { m.Tables = m.Tables[1:] }),
		"a column is missing":           manifest(func(m *Manifest) { m.Tables[0].Columns = m.Tables[0].Columns[1:] }),
		"a table of no rows is missing": manifest(func(m *Manifest) { m.Tables = m.Tables[:len(m.Tables)-1] }),
		"an older schema, odd table":    manifest(func(m *Manifest) { m.Schema--; m.Tables[0].Name = "meta" }),
		"an older schema, odd column": manifest(func(m *Manifest) {
			m.Schema--
			m.Tables[0].Columns[0] = "x; DROP TABLE accounts"
		}),
		"an older schema, table twice": manifest(func(m *Manifest) {
			m.Schema--
			m.Tables = append(m.Tables, m.Tables[0])
		}),
		"the manifest twice": swapped(t, rowsOne, one(t, manifestName, text(s.Manifest))),
	}
}

func hostileRows(t testing.TB) map[string][]byte {
	all := map[string][]byte{
		"no such table": swapped(t, rowsOne, one(t, chunkName(1, "meta"), accounts)),
		"rows left out": swapped(t, rowsOne, nil),
		"rows twice": swapped(t, rowsOne, func(w *writer) {
			w.put(t, rowsOne, accounts)
			w.put(t, rowsOne, accounts)
		}),
		"a number left out": swapped(t, rowsOne, one(t, chunkName(2, "accounts"), accounts)),
		"tables out of order": swapped(t, rowsTwo, func(w *writer) {
			w.put(t, rowsTwo, functions(sumOne, sumTwo))
			w.put(t, chunkName(3, "accounts"), accounts)
		}),
		"an empty chunk":          swapped(t, rowsOne, one(t, rowsOne, packed(""))),
		"a chunk of nothing":      swapped(t, rowsOne, one(t, rowsOne, nil)),
		"a chunk that is a text":  swapped(t, rowsOne, one(t, rowsOne, []byte("text"))),
		"a chunk that breaks off": swapped(t, rowsOne, one(t, rowsOne, accounts[:len(accounts)-9])),
		"something follows rows":  swapped(t, rowsOne, one(t, rowsOne, append(bytes.Clone(accounts), 0))),
		"two chunks in one":       swapped(t, rowsOne, one(t, rowsOne, append(bytes.Clone(accounts), accounts...))),
		"a row of commas":         swapped(t, rowsOne, one(t, rowsOne, packed("["+strings.Repeat("0,", 1<<20)+"0]"))),
		"deep rows":               swapped(t, rowsOne, one(t, rowsOne, packed(strings.Repeat("[", 100_000)))),
	}
	for what, row := range map[string]string{
		"too few values": `["a",false,true]`, "too many": `["a",false,true,false,false]`,
		"another kind": `["a",false,true,"x"]`, "a number as text": `[1,false,true,false]`,
		"null": `["a",null,true,false]`, "null text": `[null,true,true,false]`, "an object": `{"appid":"a"}`,
		"no row": "", "two rows on a line": `["a",false,true,false]["b",false,true,false]`, "T": `["a",T,true,false]`,
		"bytes of nothing": `[{},false,true,false]`, "other bytes": `[{"base64":"!"},false,true,false]`,
		"odd bytes": `[{"base64":"","x":1},false,true,false]`,
	} {
		all["row with "+what] = swapped(t, rowsOne, one(t, rowsOne, packed(row+"\n")))
	}
	for what, number := range map[string]string{
		"a fraction": "1.5", "an exponent": "1e3", "too great": "9223372036854775808", "a text": `"1"`,
	} {
		line := `["wx00000000000000a1","env","f","",0,"",` + number + `,"",false,1,2]`
		all["number with "+what] = swapped(t, rowsTwo, one(t, rowsTwo, packed(line)))
	}
	return all
}

func hostileCode(t testing.TB) map[string][]byte {
	fileOne, fileTwo := codeFolder+sumOne, codeFolder+sumTwo
	return map[string][]byte{
		"code left out": swapped(t, fileTwo, nil),
		"the last code": swapped(t, fileOne, nil),
		"other code":    swapped(t, fileTwo, one(t, fileTwo, []byte("owt"))),
		"code twice": swapped(t, fileOne, func(w *writer) {
			w.put(t, fileOne, codeOne)
			w.put(t, fileOne, codeOne)
		}),
		"code of no function": swapped(t, rowsTwo, one(t, rowsTwo, functions(sumOne))),
		"code before rows": swapped(t, rowsOne, func(w *writer) {
			w.put(t, fileTwo, codeTwo)
			w.put(t, rowsOne, accounts)
		}),
		"code out of order": swapped(t, fileTwo, func(w *writer) {
			w.put(t, fileOne, codeOne)
			w.put(t, fileTwo, codeTwo)
		}),
		"code of no name": swapped(t, rowsTwo, one(t, rowsTwo, functions(strings.ToUpper(sumOne)))),
		"rows after code": swapped(t, fileOne, func(w *writer) {
			w.put(t, fileOne, codeOne)
			w.put(t, chunkName(3, "functions"), functions(sumOne))
		}),
	}
}

func hostileEnds(t testing.TB) map[string][]byte {
	whole := plainArchive(t)
	s, entries := plain(t)
	endAt := bytes.Index(whole, []byte(endName))
	miscounted := s
	miscounted.Code++
	return map[string][]byte{
		"miscounted":               forged(t, miscounted, entries),
		"the end has another size": slices.Concat(whole[:endAt], header(t, endName, 1), whole[endAt+block:]),
		"the end twice":            slices.Concat(whole[:len(whole)-2*block], last(t, s)),
		"something follows":        slices.Concat(whole, []byte{0}),
		"twice":                    slices.Concat(whole, whole),
	}
}

// hostileTars are odd tars, or none.
func hostileTars(t testing.TB) map[string][]byte {
	beside := func(name string, content []byte) []byte {
		return swapped(t, rowsOne, func(w *writer) {
			w.put(t, rowsOne, accounts)
			w.put(t, name, content)
		})
	}
	all := map[string][]byte{
		"nothing":      nil,
		"a text":       []byte(strings.Repeat("this is no archive ", 100)),
		"zeros":        make([]byte, 4096),
		"packed":       packed("x"),
		"another name": beside("../../etc/passwd", codeOne),
		"a path":       beside(rowsFolder+"../x", accounts),
		"written between": swapped(t, rowsOne, func(w *writer) {
			_, _ = w.Write(header(t, rowsOne, int64(len(accounts))))
			_, _ = w.Write(accounts)
			_, _ = w.Write(bytes.Repeat([]byte{1}, block-len(accounts)))
		}),
	}
	for what, h := range map[string]tar.Header{
		"link":   {Typeflag: tar.TypeSymlink, Name: manifestName, Linkname: "/etc/passwd"},
		"folder": {Typeflag: tar.TypeDir, Name: rowsFolder},
		"pax": {
			Typeflag: tar.TypeReg, Name: manifestName, PAXRecords: map[string]string{"OPENTCB.x": "y"},
			Format: tar.FormatPAX,
		},
		"gnu":  {Typeflag: tar.TypeReg, Name: manifestName, Format: tar.FormatGNU, Mode: 0o600},
		"mode": {Typeflag: tar.TypeReg, Name: manifestName, Mode: 0o644, Format: tar.FormatUSTAR},
	} {
		var b bytes.Buffer
		if err := tar.NewWriter(&b).WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		all["a tar with "+what] = append(b.Bytes(), plainArchive(t)...)
		h.Name = rowsOne
		all["rows with "+what] = swapped(t, rowsOne, func(w *writer) {
			if h.Typeflag == tar.TypeReg {
				h.Size = int64(len(accounts))
			}
			if err := w.tar.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if h.Size > 0 {
				_, _ = w.tar.Write(accounts)
			}
			_ = w.tar.Flush()
		})
	}
	return all
}
