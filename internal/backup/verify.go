package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// Verify reads an archive to its end, and returns what it holds. The error is
// [ErrBroken] unless every byte is as it was written, every row has the values
// of its columns, and the code of every function is there and matches its name.
// It keeps nothing in memory but the names of code. With the ring of the master
// key, an archive that was not made under it is [ErrForged]. With none it is not
// known who made the archive. progress may be nil.
func Verify(ctx context.Context, in io.Reader, ring *seal.Ring, progress Progress) (Summary, error) {
	c, err := verify(ctx, in, progress)
	if err == nil && ring != nil {
		err = c.summary.check(ring)
	}
	return c.summary, err
}

// ReadManifest reads only the first entry, and verifies nothing of the rest.
func ReadManifest(ctx context.Context, in io.Reader) (Manifest, error) {
	return newReader(ctx, in, "", nil).manifest()
}

// contents goes through an archive. Its functions are called with what it
// finds, before it is known that all is sound.
type contents struct {
	r       *reader
	summary Summary
	row     func(table string, columns []string, values []any) error // nil: rows are skipped
	code    func(sum blob.Sum, r io.Reader) error

	chunk   int // number of the last
	table   int // index of the table of the last chunk, in the manifest
	needed  []blob.Sum
	rowsSum []byte // the hash of all up to the last row
}

func verify(ctx context.Context, in io.Reader, progress Progress) (*contents, error) {
	needed := &sums{}
	c := &contents{r: newReader(ctx, in, "verifying", progress), row: needed.of, code: checkCode}
	next, err := c.readRows()
	if err != nil {
		return c, err
	}
	c.needed = needed.list()
	return c, c.readCode(next)
}

// manifest reads the first entry.
func (r *reader) manifest() (Manifest, error) {
	e, err := r.next()
	if err != nil {
		return Manifest{}, err
	}
	if e.name != manifestName {
		return Manifest{}, broken("it does not begin with its manifest")
	}
	b, err := io.ReadAll(r.tar)
	if err != nil {
		return Manifest{}, err
	}
	return parseManifest(b)
}

// readRows reads the manifest and the rows, and returns the entry that comes
// after them.
func (c *contents) readRows() (e entry, err error) {
	if c.summary.Manifest, err = c.r.manifest(); err != nil {
		return e, err
	}
	c.summary.Rows = map[string]int64{}
	for {
		if _, err := io.Copy(io.Discard, c.r.tar); err != nil {
			return e, err
		}
		c.rowsSum = c.r.hash.Sum(nil)
		if e, err = c.r.next(); err != nil || !strings.HasPrefix(e.name, rowsFolder) {
			return e, err
		}
		if err := c.readChunk(e.name); err != nil {
			return e, fmt.Errorf("%.80s: %w", e.name, err)
		}
	}
}

// readChunk reads a chunk of rows: of the same table as the chunk before, or of
// a later one.
func (c *contents) readChunk(name string) error {
	c.chunk++
	tables := c.summary.Tables
	i := slices.IndexFunc(tables, func(t Table) bool { return chunkName(c.chunk, t.Name) == name })
	if i < c.table {
		return broken("these rows are not expected here")
	}
	c.table = i
	t := tables[i]
	if c.row == nil {
		return nil
	}
	kinds, err := sqlstore.KindsOf(t.Name, t.Columns)
	if err != nil {
		return broken("%w", err)
	}
	n := int64(0)
	err = eachRow(c.r.tar, kinds, maxChunk, func(values []any) error {
		n++
		return c.row(t.Name, t.Columns, values)
	})
	if err == nil && n == 0 {
		err = broken("a chunk has no rows")
	}
	c.summary.Rows[t.Name] += n
	return err
}

// readCode reads the code that the functions name, in its order, and refuses
// any other. It begins with an entry whose header was read, and reads the end
// too.
func (c *contents) readCode(e entry) error {
	for _, sum := range c.needed {
		if e.name == endName {
			return broken("the code %s of a function is not in it", sum)
		}
		if e.name != codeFolder+sum.String() {
			return broken("it has %.80q where the code %s of a function should be", e.name, sum)
		}
		if err := c.code(sum, c.r.tar); err != nil {
			return fmt.Errorf("the code %s: %w", sum, err)
		}
		c.summary.Code++
		c.summary.CodeBytes += e.size
		var err error
		if e, err = c.r.next(); err != nil {
			return err
		}
	}
	if e.name != endName {
		return broken("it has an entry %.80q that is not expected", e.name)
	}
	c.summary.Bytes, c.summary.SHA256 = c.r.n, hex.EncodeToString(c.r.hash.Sum(nil))
	return c.r.end(&c.summary)
}

// checkCode compares code with its name.
func checkCode(sum blob.Sum, r io.Reader) error {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return err
	}
	if blob.Sum(h.Sum(nil)) != sum {
		return broken("its bytes do not match its name")
	}
	return nil
}
