package codezip

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// folder makes a folder of files, by slash-separated name.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFromFolder(t *testing.T) {
	files := map[string]string{
		"index.js": "exports.main = 1", "lib/a.js": strings.Repeat("a", 100_000), "lib/deep/b": "", ".env": "x", "run.sh": "#!/bin/sh",
	}
	dir := folder(t, files)
	if err := os.Chmod(filepath.Join(dir, "run.sh"), 0o700); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := FromFolder(&b, dir, Without{}); err != nil {
		t.Fatal(err)
	}
	if err := checkBytes(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range z.File {
		names = append(names, file.Name)
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != files[file.Name] {
			t.Errorf("%s: %.20q, %v", file.Name, got, err)
		}
		want := os.FileMode(0o644)
		if file.Name == "run.sh" {
			want = 0o755
		}
		if file.Mode() != want || file.Method != zip.Deflate {
			t.Errorf("%s: mode %v, method %d", file.Name, file.Mode(), file.Method)
		}
	}
	if got := strings.Join(names, " "); got != ".env index.js lib/a.js lib/deep/b run.sh" {
		t.Errorf("names %s", got)
	}
}

// The same files make the same bytes, whenever and wherever they were written.
func TestFromFolderIsDeterministic(t *testing.T) {
	files := map[string]string{"z": "1", "a/b": "2", "a.b": "3", "a/a": "4"}
	var zips [2]bytes.Buffer
	for i := range zips {
		dir := folder(t, files)
		old := time.Now().Add(-time.Duration(i) * 1000 * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, "z"), old, old); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, "z"), 0o600|os.FileMode(i)*0o044); err != nil {
			t.Fatal(err)
		}
		if err := FromFolder(&zips[i], dir, Without{}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(zips[0].Bytes(), zips[1].Bytes()) {
		t.Error("two zips of the same files differ")
	}
}

// Nothing outside of the folder is read, and what cannot go into a zip is named.
func TestFromFolderRefuses(t *testing.T) {
	outside := folder(t, map[string]string{"secret": "x"})
	for name, spoil := range map[string]func(dir string) error{
		"lib/link":       func(dir string) error { return os.Symlink(filepath.Join(outside, "secret"), dir+"/lib/link") },
		"lib/folderlink": func(dir string) error { return os.Symlink(outside, dir+"/lib/folderlink") },
		"lib/climbing":   func(dir string) error { return os.Symlink("../../"+filepath.Base(outside), dir+"/lib/climbing") },
		"lib/nothing":    func(dir string) error { return os.Symlink("gone", dir+"/lib/nothing") },
		"lib/itself":     func(dir string) error { return os.Symlink("itself", dir+"/lib/itself") },
		"lib/circle":     func(dir string) error { return os.Symlink("..", dir+"/lib/circle") },
		"lib/socket":     func(dir string) error { return listen(t, dir+"/lib/socket") },
		`lib/a\\b`:       func(dir string) error { return os.WriteFile(dir+`/lib/a\b`, nil, 0o600) },
		`lib/a\nb`:       func(dir string) error { return os.WriteFile(dir+"/lib/a\nb", nil, 0o600) },
	} {
		dir := folder(t, map[string]string{"lib/a": "x"})
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		err := FromFolder(io.Discard, dir, Without{})
		if _, ok := errors.AsType[*SourceError](err); !ok || !strings.Contains(err.Error(), `"`+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Links that stay within the folder are followed, as npm's in node_modules/.bin
// and pnpm's, which lead to folders.
func TestFromFolderFollowsLinks(t *testing.T) {
	dir := folder(t, map[string]string{
		"node_modules/tool/cli.js": "#!/bin/sh", "node_modules/.store/dep/index.js": "1", "node_modules/.bin/own": "2",
	})
	for link, to := range map[string]string{"node_modules/.bin/tool": "../tool/cli.js", "node_modules/dep": ".store/dep"} {
		if err := os.Symlink(filepath.FromSlash(to), filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Fatal(err)
		}
	}
	b, err := ReadSource(dir, 1<<20, Without{})
	if err != nil {
		t.Fatal(err)
	}
	into := filepath.Join(t.TempDir(), "unpacked")
	if err := Unpack(bytes.NewReader(b), int64(len(b)), into, UploadLimits); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{".bin/tool": "#!/bin/sh", ".bin/own": "2", "dep/index.js": "1"} {
		path := filepath.Join(into, "node_modules", filepath.FromSlash(name))
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestReadSource: what cannot be read or is too long is the source's fault, and the
// setting that helps is named.
func TestReadSource(t *testing.T) {
	dir := folder(t, map[string]string{"a": strings.Repeat("x", 100)})
	for _, path := range []string{"node_modules/dep/link", "lib/.hidden/link", "lib/link"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ link, path, want, advice string }{
		{"node_modules/dep/link", dir, `: "node_modules/dep/link": it is a link to what is not there`, "; NODE leaves it out"},
		{"lib/.hidden/link", dir, `: "lib/.hidden/link": it is a link to what is not there`, "; DOT leaves it out"},
		{"lib/link", dir, `: "lib/link": it is a link to what is not there`, ""},
		{"", dir, ": the zip is over 100 bytes", "; NODE and DOT leave such files out"},
		{"", dir + "/a", "", ""},
		{"", dir + "/gone", ": no such file or directory", ""},
	} {
		link := filepath.Join(dir, c.link)
		if c.link != "" {
			if err := os.Symlink("gone", link); err != nil {
				t.Fatal(err)
			}
		}
		_, err := ReadSource(c.path, 100, Without{})
		wrong, ok := errors.AsType[*SourceError](err)
		switch {
		case c.want == "" && err != nil, c.want != "" && (!ok || err.Error() != c.path+c.want):
			t.Errorf("%s: %v, want %s", c.path, err, c.want)
		case ok && wrong.Advice("NODE", "DOT") != c.advice:
			t.Errorf("%s: advice %q, want %q", c.path, wrong.Advice("NODE", "DOT"), c.advice)
		}
		if c.link != "" {
			if err := os.Remove(link); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func listen(t *testing.T, path string) error {
	l, err := net.Listen("unix", path)
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
	return err
}

func TestFromFolderFaults(t *testing.T) {
	dir := folder(t, map[string]string{"a": "x"})
	for _, path := range []string{filepath.Join(dir, "a"), filepath.Join(dir, "nowhere")} {
		if err := FromFolder(io.Discard, path, Without{}); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
	if err := FromFolder(full{}, dir, Without{}); err == nil {
		t.Error("a writer that fails: no error")
	}
	var b bytes.Buffer
	if err := FromFolder(&b, t.TempDir(), Without{}); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, "empty folder", checkBytes(b.Bytes()), "no file")
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errDisk }
