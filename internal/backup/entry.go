package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"regexp"
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

// Progress is called with the step that is under way and how many bytes of the
// archive were written or read within it.
type Progress func(step string, bytes int64)

// writeHeader writes an entry's header in the only form that this format has.
func writeHeader(w *tar.Writer, name string, size int64) error {
	return w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
	})
}

// writeEntry writes an entry with its padding. The content must have that size.
func writeEntry(w *tar.Writer, name string, size int64, content io.Reader) error {
	if err := writeHeader(w, name, size); err != nil {
		return err
	}
	if _, err := io.CopyN(w, content, size); err != nil {
		return err
	}
	return w.Flush()
}

// writer writes entries, and hashes and counts all bytes that it writes.
type writer struct {
	ctx      context.Context
	out      io.Writer
	tar      *tar.Writer // on this writer
	hash     hash.Hash
	n        int64
	progress Progress
}

func newWriter(ctx context.Context, out io.Writer, progress Progress) *writer {
	w := &writer{ctx: ctx, out: out, hash: sha256.New(), progress: progress}
	w.tar = tar.NewWriter(w)
	return w
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

// lastBytes returns everything from the header of the last entry on.
func lastBytes(s Summary) ([]byte, error) {
	var b bytes.Buffer
	w, content := tar.NewWriter(&b), text(s)
	err := writeEntry(w, endName, int64(len(content)), bytes.NewReader(content))
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

// reader reads entries, and hashes and counts all bytes before the last one.
// It takes only the form that the writer writes. The content of the current
// entry is read from tar.
type reader struct {
	ctx      context.Context
	in       io.Reader
	tar      *tar.Reader // on this reader
	hash     hash.Hash
	n        int64
	step     string
	progress Progress

	padding int64  // of the current entry
	between bool   // its content has been read
	gap     []byte // what was read since: its padding and a header
}

func newReader(ctx context.Context, in io.Reader, step string, progress Progress) *reader {
	r := &reader{ctx: ctx, in: in, hash: sha256.New(), step: step, progress: progress}
	r.tar = tar.NewReader(r)
	return r
}

// Read reads on in the archive, up to the content of the last entry: the
// archive must not end before.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.in.Read(p)
	if r.between {
		r.gap = append(r.gap, p[:n]...)
	} else {
		r.took(p[:n])
	}
	if err == io.EOF {
		err = broken("it ends too early")
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

// entry is a header that was read.
type entry struct {
	name string
	size int64
}

// next goes to the next entry. The header of the last one is not hashed; it
// stays in gap.
func (r *reader) next() (entry, error) {
	if _, err := io.Copy(io.Discard, r.tar); err != nil {
		return entry{}, err
	}
	r.between, r.gap = true, nil
	h, err := r.tar.Next()
	r.between = false
	switch err {
	case nil:
	case io.EOF, tar.ErrHeader, tar.ErrFieldTooLong:
		return entry{}, broken("it is no tar, or damaged")
	default:
		return entry{}, err
	}
	want := bytes.NewBuffer(make([]byte, r.padding))
	if err := writeHeader(tar.NewWriter(want), h.Name, h.Size); err != nil || !bytes.Equal(r.gap, want.Bytes()) {
		return entry{}, broken("it has an entry that no program of ours wrote, or is damaged")
	}
	if h.Size > mostBytes(h.Name) {
		return entry{}, broken("it has an entry %.80q of %d bytes", h.Name, h.Size)
	}
	if h.Name == endName {
		r.took(want.Next(int(r.padding)))
	} else {
		r.took(want.Bytes())
	}
	r.padding = -h.Size & (block - 1)
	return entry{h.Name, h.Size}, nil
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
// must be what the writer would have written after all that came before, but
// for the MAC, which it sets.
func (r *reader) end(s *Summary) error {
	s.MAC = anyMAC
	want, err := lastBytes(*s)
	if err != nil {
		return err
	}
	rest, err := io.ReadAll(io.LimitReader(r.in, int64(len(want))))
	if err != nil {
		return err
	}
	got := append(r.gap[len(r.gap)-block:], rest...)
	if s.MAC, err = takeMAC(want, got); err != nil {
		return err
	}
	if want, err = lastBytes(*s); err != nil {
		return err
	}
	switch {
	case bytes.Equal(got, want):
		return nil
	case bytes.HasPrefix(want, got):
		return broken("it ends too early")
	case bytes.HasPrefix(got, want):
		return broken("something follows its end")
	}
	return broken("its last entry is not what the others add up to: it was changed or damaged")
}

// anyMAC has the form of a MAC.
var anyMAC = "v1.00000000." + strings.Repeat("A", 43)

// isMAC is the form of a MAC.
var isMAC = regexp.MustCompile(`^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{43}$`)

// takeMAC returns what stands in the last bytes in place of anyMAC; anyMAC
// itself if they end before.
func takeMAC(want, got []byte) (string, error) {
	at := bytes.LastIndex(want, []byte(anyMAC))
	if len(got) < at+len(anyMAC) {
		return anyMAC, nil
	}
	mac := string(got[at : at+len(anyMAC)])
	if !isMAC.MatchString(mac) {
		return "", broken("its last entry is not what the others add up to: it was changed or damaged")
	}
	return mac, nil
}
