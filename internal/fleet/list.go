package fleet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/opentcb/opentcb/internal/yamlfile"
)

// readList reads the list that a file names, and reports what is wrong with it
// where it is named.
func (f *file) readList(n yamlfile.Node) {
	var name string
	yamlfile.Text(&name, nil)(n)
	if name == "" {
		return
	}
	members, wrong := readMembers(filepath.Join(f.dir, filepath.FromSlash(name)))
	for _, err := range wrong {
		n.Report("%v", err)
	}
	for _, m := range members {
		if err := f.add(m); err != nil {
			n.Report("%s: %v", name, err)
		}
	}
}

// readMembers reads a list: lines of an appid, an environment, and optionally
// groups separated by spaces. It reads what a spreadsheet writes: a mark at the
// beginning of the file, names of the columns, blanks around a value, and rows
// that are empty. Bad rows are reported all at once, each with file and line.
func readMembers(name string) (members []member, wrong []error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, []error{err}
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.FieldsPerRecord, r.Comment, r.TrimLeadingSpace = -1, '#', true
	for first := true; ; first = false {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return members, wrong
		}
		if e, ok := errors.AsType[*csv.ParseError](err); ok {
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", name, e.Line, e.Err))
			continue
		}
		if err != nil {
			return nil, append(wrong, fmt.Errorf("%s: %w", name, err))
		}
		fields = trimmed(fields)
		if len(fields) == 0 || first && strings.EqualFold(fields[0], "appid") {
			continue
		}
		m, err := readRow(fields)
		if err != nil {
			line, _ := r.FieldPos(0)
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", name, line, err))
			continue
		}
		members = append(members, m)
	}
}

// trimmed returns the fields of a row without the blanks around them, and
// without empty ones at its end.
func trimmed(fields []string) []string {
	for i, f := range fields {
		fields[i] = strings.TrimSpace(f)
	}
	for len(fields) > 0 && fields[len(fields)-1] == "" {
		fields = fields[:len(fields)-1]
	}
	return fields
}

func readRow(fields []string) (member, error) {
	if len(fields) != 2 && len(fields) != 3 || fields[1] == "" {
		return member{}, errors.New("give appid,env or appid,env,groups")
	}
	if wrong := checkAppID(fields[0]); wrong != "" {
		return member{}, fmt.Errorf("%q %s", fields[0], wrong)
	}
	m := member{appid: fields[0], envs: []string{fields[1]}}
	if len(fields) == 3 {
		m.groups = strings.Fields(fields[2])
	}
	return m, nil
}
