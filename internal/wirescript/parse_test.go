package wirescript

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

const world = "world\n  platforms:\n    - {appid: \"${c1}\", secret: \"${secret c1}\"}\n  x: [\"${a1}\", \"${test}\", \"${refresh c1 a1}\"]\n\nEN-1  Case\n\n"

// TestParseErrors shows that a fault of a script is told with file and line.
func TestParseErrors(t *testing.T) {
	for name, test := range map[string]struct {
		script string
		line   string
		says   string
	}{
		"no heading":         {"hello\n", "1", "neither"},
		"indented":           {"  hello\n", "1", "indented"},
		"tab":                {"# x\nEN-1  x\n\tGET /\n", "3", "tab"},
		"no steps":           {world, "6", "without steps"},
		"no verb":            {world + "  hello there\n", "8", "no step"},
		"unknown value":      {world + "  GET /${nosuch}\n  => 200\n", "8", "nosuch"},
		"unknown in a body":  {world + "  POST /\n  X: y\n  {\"a\":\"${nosuch}\"}\n  => 200\n", "10", "nosuch"},
		"unknown in a token": {world + "  GET /?t=${token c1 a9}\n  => 200\n", "8", "a9"},
		"open reference":     {world + "  GET /${test\n  => 200\n", "8", "no end"},
		"pattern in request": {world + "  GET /${x:.+}\n  => 200\n", "8", "pattern outside"},
		"no answer":          {world + "  GET /\n  {}\n", "8", "without an answer"},
		"no regexp":          {world + "  GET /\n  => {\"a\":\"${x:(}\"}\n", "9", "regexp"},
		"no JSON":            {world + "  GET /\n  => {\"a\":}\n", "9", "JSON value"},
		"after JSON":         {world + "  GET /\n  => {\"a\":1}\n  body empty\n", "9", "more after"},
		"dots not last":      {world + "  GET /\n  => {...,\"a\":1}\n", "9", "not last"},
		"unknown code":       {world + "  GET /\n  => fails 12345 nonsense\n", "9", "errcode"},
		"text of a code":     {world + "  GET /\n  => fails 40014 invalid token\n", "9", "invalid access_token"},
		"after fails":        {world + "  GET /\n  => fails 40014 invalid access_token\n  body empty\n", "10", "more after"},
		"each of nothing":    {world + "  each x in\n  GET /\n  => 200\n", "8", "each of nothing"},
		"each alone":         {world + "  each x in a | b\n", "8", "no step below"},
		"world's name":       {world + "  let test = 1\n", "8", "name of the world"},
		"let of no zip":      {world + "  let x = zip:nosuch\n", "8", "zip"},
		"clock backwards":    {world + "  clock -5m\n", "8", "clock"},
		"operator":           {world + "  operator dance ${c1}\n", "8", "operator"},
		"peek":               {world + "  peek pocket has x\n", "8", "peek"},
		"upstream":           {world + "  upstream dances\n", "8", "want: upstream"},
		"upstream slowly":    {world + "  upstream down now\n", "8", "want: upstream"},
		"answers no status":  {world + "  upstream answers {}\n", "8", "STATUS"},
		"answers no header":  {world + "  upstream answers 200 {}\n    X\n", "9", "header"},
		"saw no target":      {world + "  upstream saw GET\n", "8", "METHOD TARGET"},
		"saw JSON":           {world + "  upstream saw GET /\n    {\"a\":1}\n", "8", "body is"},
		"saw unknown":        {world + "  GET /\n  => 200\n  upstream saw GET /${nosuch}\n", "10", "nosuch"},
		"token for nothing":  {world + "  operator token ${test}\n", "8", "-> NAME"},
		"restart how":        {world + "  restart slowly\n", "8", "more after"},
		"raw and signed":     {world + "  let z = a\n  GET \"/\"\n  headers ${z}\n  => 200\n", "9", "quoted target"},
		"quoted target":      {world + "  GET \"/\\q\"\n  => 200\n", "8", "quoted"},
		"login":              {world + "  login c1 a1 many\n", "8", "permission set"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(fstest.MapFS{"scripts/x.txt": {Data: []byte(test.script)}})
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), "scripts/x.txt:"+test.line+": ") || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want line %s and %q", err, test.line, test.says)
			}
		})
	}
}

func TestNeeds(t *testing.T) {
	script, err := parse("x.txt", world+"  clock +5m\n  restart\n  operator revoke ${c1} ${a1}\n  peek log lacks secrets\n"+
		"  GET /?t=${token c1 a1}\n  => 200\n")
	if err != nil {
		t.Fatal(err)
	}
	c := script.Cases[0]
	if got := strings.Join(c.Needs, ","); got != "clock,operator,peek log,restart" {
		t.Errorf("needs %s", got)
	}
	if got := strings.Join(c.Uses, ","); got != "a1,c1,token c1 a1" {
		t.Errorf("uses %s", got)
	}
}

// TestGoTests finds the comments of Go tests that prove clauses.
func TestGoTests(t *testing.T) {
	source := "package x\n\n// TestA is one.\n//\n// Proves: UT-16, CR-11\nfunc TestA(t *testing.T) {}\n\nfunc TestB(t *testing.T) {\n\t// Proves: UP-9\n}\n"
	got, err := GoTests(fstest.MapFS{
		"a/a_test.go": {Data: []byte(source)}, "a/a.go": {Data: []byte("// Proves: EN-1\n")},
		".git/b_test.go": {Data: []byte("// Proves: EN-2\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"UT-16": "a/a_test.go TestA", "CR-11": "a/a_test.go TestA", "UP-9": "a/a_test.go TestB", "EN-1": "",
		"EN-2": "",
	} {
		if strings.Join(got[id], ",") != want {
			t.Errorf("%s: got %q, want %q", id, got[id], want)
		}
	}
}

// FuzzParse shows that no script makes the parser fall over, and that every
// error has its line.
func FuzzParse(f *testing.F) {
	err := fs.WalkDir(Scripts, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(Scripts, name)
		f.Add(string(data))
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(world + "  each x in \"\\x00\" | b\n  POST /${x}\n  A:\n  body \"x\"\n  => 200\n  or broken\n")
	f.Fuzz(func(t *testing.T, data string) {
		_, err := parse("x.txt", data)
		if err != nil && !strings.HasPrefix(err.Error(), "x.txt:") {
			t.Errorf("no place: %v", err)
		}
	})
}
