package fleet

import (
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
	members, err := readMembers(filepath.Join(f.dir, filepath.FromSlash(name)))
	if err != nil {
		n.Report("%v", err)
	}
	for _, m := range members {
		if err := f.add(m); err != nil {
			n.Report("%s: %v", name, err)
		}
	}
}

// readMembers reads a list: lines of an appid, an environment, and optionally
// groups separated by spaces.
func readMembers(name string) ([]member, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord, r.Comment, r.TrimLeadingSpace = -1, '#', true
	var members []member
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return members, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := r.FieldPos(0)
		if line == 1 && fields[0] == "appid" {
			continue // the names of the columns
		}
		if len(fields) != 2 && len(fields) != 3 {
			return nil, fmt.Errorf("%s: line %d: give appid,env or appid,env,groups", name, line)
		}
		if wrong := checkAppID(fields[0]); wrong != "" {
			return nil, fmt.Errorf("%s: line %d: %q %s", name, line, fields[0], wrong)
		}
		m := member{appid: fields[0], envs: []string{fields[1]}}
		if len(fields) == 3 {
			m.groups = strings.Fields(fields[2])
		}
		members = append(members, m)
	}
}
