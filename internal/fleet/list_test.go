package fleet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readCSV reads a list of that text.
func readCSV(t *testing.T, text string) ([]member, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	members, wrong := readMembers(path)
	var faults []string
	for _, err := range wrong {
		faults = append(faults, strings.TrimPrefix(err.Error(), filepath.Dir(path)+"/"))
	}
	return members, faults
}

// TestListOfSpreadsheet: a list is read as spreadsheets write it.
func TestListOfSpreadsheet(t *testing.T) {
	members, wrong := readCSV(t, "\ufeffAppID,Env,Groups\r\n"+
		" wx00000000000000a1 , prod-1 ,\" shops  pilots \"\r\nwx00000000000000a2,prod-2,,\r\n,,\r\n  \r\n")
	want := []member{
		{appid: "wx00000000000000a1", envs: []string{"prod-1"}, groups: []string{"shops", "pilots"}},
		{appid: "wx00000000000000a2", envs: []string{"prod-2"}},
	}
	if diff := cmp.Diff(want, members, cmp.AllowUnexported(member{})); diff != "" || len(wrong) > 0 {
		t.Errorf("faults %q (-want +got):\n%s", wrong, diff)
	}
}

// TestBadRows: all bad rows are reported at once, with file and line, and the
// good ones are kept.
func TestBadRows(t *testing.T) {
	members, wrong := readCSV(t, "wx00000000000000a1\nwx00000000000000a2,prod-2\nwx2,prod-3\n"+
		"wx00000000000000a4,a\"b\nappid,env\nwx00000000000000a5,,shops\n")
	want := []string{
		"list.csv:1: give appid,env or appid,env,groups",
		`list.csv:3: "wx2" is no appid`,
		`list.csv:4: bare " in non-quoted-field`,
		`list.csv:5: "appid" is no appid`,
		"list.csv:6: give appid,env or appid,env,groups",
	}
	if diff := cmp.Diff(want, wrong); diff != "" || len(members) != 1 {
		t.Errorf("%d good rows; faults (-want +got):\n%s", len(members), diff)
	}
}
