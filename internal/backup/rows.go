package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// How large rows may be, in bytes as lines.
const (
	chunkBytes = 4 << 20  // a chunk ends with the row that reaches this
	maxRow     = 64 << 20 // one row
	maxChunk   = chunkBytes + maxRow
)

// maxColumns is how many columns a table may have.
const maxColumns = 64

// chunks writes rows as entries.
type chunks struct {
	w      *writer
	table  string
	number int
	lines  int64
	packed bytes.Buffer
	gz     *gzip.Writer
	line   []byte
	counts map[string]int64
}

func newChunks(w *writer) *chunks {
	c := &chunks{w: w, counts: map[string]int64{}}
	c.gz, _ = gzip.NewWriterLevel(&c.packed, gzip.BestSpeed) // a level that there is
	return c
}

func chunkName(number int, table string) string {
	return fmt.Sprintf("%s%08d.%s.jsonl.gz", rowsFolder, number, table)
}

func (c *chunks) add(table string, values []any) error {
	if table != c.table {
		if err := c.flush(); err != nil {
			return err
		}
		c.table = table
	}
	c.line = appendRow(c.line[:0], values)
	if len(c.line) > maxRow {
		return fmt.Errorf("a row of %s has %d bytes, and no archive can hold more than %d",
			table, len(c.line), maxRow)
	}
	c.counts[table]++
	c.lines += int64(len(c.line))
	if _, err := c.gz.Write(c.line); err != nil {
		return err
	}
	if c.lines >= chunkBytes {
		return c.flush()
	}
	return nil
}

// flush writes the chunk.
func (c *chunks) flush() error {
	if c.lines == 0 {
		return nil
	}
	if err := c.gz.Close(); err != nil {
		return err
	}
	c.number++
	err := writeEntry(c.w.tar, chunkName(c.number, c.table), int64(c.packed.Len()), &c.packed)
	c.lines = 0
	c.packed.Reset()
	c.gz.Reset(&c.packed)
	return err
}

// bytesValue is a value that JSON has no text for.
type bytesValue struct {
	Base64 []byte `json:"base64"`
}

// appendRow appends values as a line.
func appendRow(line []byte, values []any) []byte {
	separator := byte('[')
	for _, v := range values {
		line = append(line, separator)
		separator = ','
		switch v := v.(type) {
		case int64:
			line = strconv.AppendInt(line, v, 10)
			continue
		case bool:
			line = strconv.AppendBool(line, v)
			continue
		case string:
			if utf8.ValidString(v) {
				line = appendJSON(line, v)
			} else {
				line = appendJSON(line, bytesValue{[]byte(v)})
			}
		case []byte:
			line = appendJSON(line, bytesValue{v})
		}
	}
	return append(line, ']', '\n')
}

func appendJSON(line []byte, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("a text that is no JSON: " + err.Error())
	}
	return append(line, b...)
}

// eachRow calls each for every row of a chunk, which has at most so many bytes
// when it is unpacked.
func eachRow(chunk io.Reader, kinds []sqlstore.Kind, most int64, each func(values []any) error) error {
	in := bufio.NewReader(chunk) // so that gzip reads no further than its end
	gz, err := gzip.NewReader(in)
	if err != nil {
		return unpacked(err)
	}
	gz.Multistream(false)
	limited := &io.LimitedReader{R: gz, N: most + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, int(most))
	var raw rawRow
	for lines.Scan() {
		values, err := parseRow(lines.Bytes(), kinds, &raw)
		if err == nil {
			err = each(values)
		}
		if err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return unpacked(err)
	}
	if limited.N == 0 {
		return broken("a chunk of rows has more than %d bytes", most)
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return broken("something follows a chunk of rows")
	}
	return nil
}

// unpacked returns err as ErrBroken, unless it is an error of the reading itself.
func unpacked(err error) error {
	switch err {
	case gzip.ErrHeader, gzip.ErrChecksum, io.EOF, io.ErrUnexpectedEOF, bufio.ErrTooLong:
		return broken("a chunk of rows: %w", err)
	}
	return err
}

// rawRow is the values of a line. What is beyond is not kept, so that a long
// line of commas takes no memory.
type rawRow [maxColumns + 1]json.RawMessage

// parseRow reads a line. It refuses more values, or fewer, than there are kinds.
func parseRow(line []byte, kinds []sqlstore.Kind, raw *rawRow) ([]any, error) {
	if err := json.Unmarshal(line, raw); err != nil {
		return nil, broken("a row: %w", err)
	}
	if len(kinds) > maxColumns || raw[len(kinds)-1] == nil || raw[len(kinds)] != nil {
		return nil, broken("a row has not the values of its columns")
	}
	values := make([]any, len(kinds))
	for i, kind := range kinds {
		v, err := parseValue(raw[i], kind)
		if err != nil {
			return nil, broken("a value of a row: %w", err)
		}
		values[i] = v
	}
	return values, nil
}

func parseValue(raw []byte, kind sqlstore.Kind) (any, error) {
	switch kind {
	case sqlstore.Integer:
		return strconv.ParseInt(string(raw), 10, 64)
	case sqlstore.Boolean:
		return strconv.ParseBool(string(raw))
	case sqlstore.Text:
		if raw[0] == '"' {
			var text string
			err := json.Unmarshal(raw, &text)
			return text, err
		}
		b, err := parseBytes(raw)
		return string(b), err
	}
	return parseBytes(raw)
}

func parseBytes(raw []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var v bytesValue
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if v.Base64 == nil {
		return nil, fmt.Errorf("no bytes")
	}
	return v.Base64, nil
}

// maxSums is how many pieces of code an archive may have: 1 GiB of their names.
const maxSums = 1 << 25

// sums is a set of names of code, 32 bytes each.
type sums struct {
	all   []blob.Sum
	clean int // the number of names, from the start, that are sorted and differ
}

// add adds a name that may be there already.
func (s *sums) add(sum blob.Sum) error {
	if len(s.all) >= max(1024, 2*s.clean) {
		s.compact()
		if len(s.all) > maxSums {
			return broken("it names more than %d pieces of code", maxSums)
		}
	}
	s.all = append(s.all, sum)
	return nil
}

func (s *sums) compact() {
	slices.SortFunc(s.all, func(a, b blob.Sum) int { return bytes.Compare(a[:], b[:]) })
	s.all = slices.Compact(s.all)
	s.clean = len(s.all)
}

// list returns the names in their order.
func (s *sums) list() []blob.Sum {
	s.compact()
	return s.all
}
