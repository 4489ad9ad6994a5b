package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"
)

// The names of entries, and how large they may be.
const (
	manifestName = "manifest.json"
	endName      = "end.json"
	rowsFolder   = "rows/"
	codeFolder   = "code/"

	maxText = 1 << 20   // of the manifest and the end
	maxRows = 256 << 20 // of a chunk of rows, packed
	maxCode = 1 << 30   // of a piece of code
)

// block is what a tar is made of.
const block = 512

// Progress is told how much has been done. step is what is being done, bytes
// how much of the archive was written or read within it.
type Progress func(step string, bytes int64)

// header is the one form of an entry's header.
func header(name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
	})
	return b.Bytes(), err
}

// padding is how many zeros follow an entry of that size.
func padding(size int64) int64 { return -size & (block - 1) }

// zeros are for padding and the end of a tar.
var zeros [2 * block]byte

// writer writes entries.
type writer struct {
	ctx      context.Context
	out      io.Writer
	hash     hash.Hash
	n        int64
	progress Progress
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.out.Write(p)
	w.hash.Write(p[:n])
	w.n += int64(n)
	if w.progress != nil {
		w.progress("backing up", w.n)
	}
	return n, err
}

// entry writes an entry, whose content must have that size.
func (w *writer) entry(name string, size int64, content io.Reader) error {
	head, err := header(name, size)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	if _, err := io.CopyN(w, content, size); err != nil {
		return err
	}
	_, err = w.Write(zeros[:padding(size)])
	return err
}

// end writes the last entry.
func (w *writer) end(s Summary) error {
	last, err := lastBytes(s)
	if err == nil {
		_, err = w.Write(last)
	}
	return err
}

// lastBytes is everything from the header of the last entry on.
func lastBytes(s Summary) ([]byte, error) {
	content := text(s)
	last, err := header(endName, int64(len(content)))
	last = append(last, content...)
	last = append(last, zeros[:padding(int64(len(content)))]...)
	return append(last, zeros[:]...), err
}

// reader reads entries. It reads the content of the current one, up to its
// end.
type reader struct {
	ctx      context.Context
	in       io.Reader
	hash     hash.Hash // of all but the last entry
	n        int64     // bytes so hashed
	step     string
	progress Progress

	left int64 // of the current entry
	pad  int64 // zeros after it
}

func newReader(ctx context.Context, in io.Reader, step string, progress Progress) *reader {
	return &reader{ctx: ctx, in: in, hash: sha256.New(), step: step, progress: progress}
}

// Read reads on in the current entry. An archive that ends within it is
// broken.
func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.in.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	r.took(p[:n])
	if err == io.EOF && r.left > 0 {
		return n, broken("it ends too early")
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func (r *reader) took(p []byte) {
	r.hash.Write(p)
	r.n += int64(len(p))
	if r.progress != nil {
		r.progress(r.step, r.n)
	}
}

// full reads exactly so many bytes, which are not hashed.
func (r *reader) full(p []byte) error {
	_, err := io.ReadFull(r.in, p)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return broken("it ends too early")
	}
	return err
}

// entry is a header that was read.
type entry struct {
	name string
	size int64
}

// finish reads what is left of the current entry.
func (r *reader) finish() error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	var pad [block]byte
	if err := r.full(pad[:r.pad]); err != nil {
		return err
	}
	if !bytes.Equal(pad[:r.pad], zeros[:r.pad]) {
		return broken("something is written between its entries")
	}
	r.took(pad[:r.pad])
	r.pad = 0
	return nil
}

// next goes to the next entry. The header of the last one is not hashed.
func (r *reader) next() (entry, error) {
	if err := r.finish(); err != nil {
		return entry{}, err
	}
	var head [block]byte
	if err := r.full(head[:]); err != nil {
		return entry{}, err
	}
	e, err := parseHeader(head[:])
	if err != nil {
		return entry{}, err
	}
	if e.name != endName {
		r.took(head[:])
	}
	r.left, r.pad = e.size, padding(e.size)
	return e, nil
}

// parseHeader takes the one form of a header, with a name and size of this
// format.
func parseHeader(head []byte) (entry, error) {
	name := string(head[:min(100, max(0, bytes.IndexByte(head, 0)))])
	size, err := strconv.ParseInt(string(head[124:135]), 8, 64)
	if err != nil || size < 0 {
		return entry{}, broken("it is no tar, or damaged")
	}
	same, err := header(name, size)
	if err != nil || !bytes.Equal(same, head) {
		return entry{}, broken("it has an entry that no program of ours wrote, or is damaged")
	}
	if size > mostBytes(name) {
		return entry{}, broken("it has an entry %.80q of %d bytes", name, size)
	}
	return entry{name, size}, nil
}

// mostBytes is how large an entry may be; -1 if there is none of that name.
func mostBytes(name string) int64 {
	switch {
	case name == manifestName || name == endName:
		return maxText
	case strings.HasPrefix(name, rowsFolder):
		return maxRows
	case strings.HasPrefix(name, codeFolder):
		return maxCode
	}
	return -1
}

// end reads the last entry, whose header was read, and whatever follows: it
// must be what the writer would have written after all that came before.
func (r *reader) end(s Summary, size int64) error {
	last, err := lastBytes(s)
	if err != nil {
		return err
	}
	want := last[block:]
	if got, err := header(endName, size); err != nil || !bytes.Equal(got, last[:block]) {
		return broken("its last entry is not what the others add up to: it was changed or damaged")
	}
	got := make([]byte, len(want))
	if err := r.full(got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return broken("its last entry is not what the others add up to: it was changed or damaged")
	}
	switch n, err := io.ReadFull(r.in, got[:1]); {
	case n > 0:
		return broken("something follows its end")
	case !errors.Is(err, io.EOF):
		return err
	}
	r.left, r.pad = 0, 0
	return nil
}
