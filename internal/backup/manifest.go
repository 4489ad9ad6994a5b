package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// format is the number of the format that this program writes, and the newest
// that it reads.
const format = 2

// ErrBroken is the error of an archive that is damaged or cut short, and of a
// file that is no archive.
var ErrBroken = errors.New("this is no whole backup archive")

// ErrForged is the error of an archive that is complete, but was not made under
// the master key: it was altered, or somebody else made it.
var ErrForged = errors.New("the archive was altered, or was not made by a server with this master key")

// broken makes an error that is ErrBroken.
func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBroken, fmt.Errorf(format, args...))
}

// Info is what the caller of [Write] says about the archive.
type Info struct {
	Program string     // its name and version
	Made    time.Time  // when the archive is made
	Ring    *seal.Ring // of the master key that the database is bound to
}

// Manifest is the first entry of an archive.
type Manifest struct {
	Format    int     `json:"format"`
	Schema    int64   `json:"schema"`     // of the rows
	MasterKey string  `json:"master_key"` // the id of the key that what is sealed needs; not the key
	Made      string  `json:"made"`       // RFC 3339
	Program   string  `json:"program"`
	Tables    []Table `json:"tables"` // in the order of their rows
}

// Table is a table and its columns, in the order of a row's values.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

// Summary is what an archive holds. The last entry says it, and repeats the
// manifest.
type Summary struct {
	Manifest  `json:"manifest"`
	Rows      map[string]int64 `json:"rows"` // by table
	Code      int64            `json:"code"` // pieces
	CodeBytes int64            `json:"code_bytes"`
	Bytes     int64            `json:"bytes"`  // of all entries before the last
	SHA256    string           `json:"sha256"` // of those
	MAC       string           `json:"mac"`    // of all of the above, under the master key
}

// sign sets the MAC.
func (s *Summary) sign(ring *seal.Ring) {
	s.MAC = ""
	s.MAC = ring.Vouch(seal.Archive, text(s))
}

// check returns ErrForged if the MAC is not that of the master key.
func (s Summary) check(ring *seal.Ring) error {
	mac := s.MAC
	s.MAC = ""
	switch err := ring.CheckVouch(seal.Archive, text(s), mac); {
	case err == nil:
		return nil
	case s.MasterKey != ring.KeyID():
		return fmt.Errorf("the archive was made under the master key with the id %s, and the one given has the id %s",
			s.MasterKey, ring.KeyID())
	}
	return ErrForged
}

// RowCount returns the number of all rows.
func (s Summary) RowCount() (n int64) {
	for _, rows := range s.Rows {
		n += rows
	}
	return n
}

func newManifest(info Info, keyID string) Manifest {
	m := Manifest{
		Format: format, Schema: sqlstore.SchemaVersion(), MasterKey: keyID,
		Made: info.Made.UTC().Format(time.RFC3339), Program: info.Program,
	}
	for _, t := range sqlstore.Tables() {
		m.Tables = append(m.Tables, Table{t.Name, t.Names()})
	}
	return m
}

// text returns the only form of a manifest or summary in an archive.
func text(v any) []byte {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		panic("a manifest that is no JSON: " + err.Error()) // of texts, numbers and lists
	}
	return append(b, '\n')
}

// parseManifest reads a manifest. What a newer program wrote is refused before
// anything else is looked at, since anything else may be different.
func parseManifest(b []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return m, broken("its manifest cannot be read: %w", err)
	}
	ours := sqlstore.SchemaVersion()
	switch {
	case m.Format < 1 || m.Schema < 1:
		return m, broken("its manifest has no format or schema")
	case m.Format < format:
		return m, broken("it is of format %d, from before the first release, which nothing authenticates", m.Format)
	case m.Format > format:
		return m, newer("has format", int64(m.Format), format, m.Program)
	case m.Schema > ours:
		return m, newer("is of schema", m.Schema, ours, m.Program)
	case !bytes.Equal(text(m), b):
		return m, broken("its manifest is not as this program writes it")
	case m.Schema == ours && !slices.EqualFunc(m.Tables, newManifest(Info{}, "").Tables, sameTable):
		return m, broken("its tables are not those of its schema")
	}
	for i, t := range m.Tables {
		if slices.ContainsFunc(m.Tables[:i], func(o Table) bool { return o.Name == t.Name }) {
			return m, broken("its manifest has a table twice")
		}
		if _, err := sqlstore.KindsOf(t.Name, t.Columns); err != nil {
			return m, broken("its manifest: %w", err)
		}
	}
	return m, nil
}

func newer(what string, theirs, ours int64, program string) error {
	return fmt.Errorf("the archive %s %d, newer than this program's %d: use the newer program, %.60q or later",
		what, theirs, ours, program)
}

func sameTable(a, b Table) bool { return a.Name == b.Name && slices.Equal(a.Columns, b.Columns) }
