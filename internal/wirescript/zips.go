package wirescript

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// zips are the packages that scripts upload, by name: the same bytes every
// time. Those of the second half are to be refused (UP-7).
var zips = map[string]func() []byte{
	"hello": func() []byte { return files("index.js", "package.json") },
	"other": func() []byte { return files("index.js", "lib/other.js") },
	"third": func() []byte { return files("main.py") },

	"nothing":   func() []byte { return nil },
	"text":      func() []byte { return []byte("not a zip, whatever its name") },
	"truncated": func() []byte { b := files("index.js"); return b[:len(b)-10] },
	"damaged":   damaged,
	"empty":     func() []byte { return files() },
	"folders":   func() []byte { return files("lib/", "lib/deep/") },
	"absolute":  func() []byte { return files("index.js", "/etc/passwd") },
	"climbing":  func() []byte { return files("index.js", "../evil.js") },
	"duplicate": func() []byte { return files("index.js", "index.js") },
	"link":      func() []byte { return special(fs.ModeSymlink) },
	"device":    func() []byte { return special(fs.ModeDevice) },
	"pipe":      func() []byte { return special(fs.ModeNamedPipe) },
}

// zipNamed is a zip by its name in zips, or the given bytes.
func zipNamed(s string) ([]byte, error) {
	name, ok := strings.CutPrefix(s, "zip:")
	if !ok {
		return []byte(s), nil
	}
	if zips[name] == nil {
		return nil, fmt.Errorf("no zip:%s", name)
	}
	return zips[name](), nil
}

// files is a zip of small files; names that end in a slash are folders.
func files(names ...string) []byte {
	var entries []*zip.FileHeader
	for _, name := range names {
		entries = append(entries, &zip.FileHeader{Name: name})
	}
	return pack(entries)
}

// special is a zip of a file and an entry of another kind.
func special(mode fs.FileMode) []byte {
	entries := []*zip.FileHeader{{Name: "index.js"}, {Name: "special"}}
	entries[1].SetMode(mode | 0o777)
	return pack(entries)
}

func pack(entries []*zip.FileHeader) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, header := range entries {
		entry, err := w.CreateHeader(header) // stored, not packed
		must(err)
		if !strings.HasSuffix(header.Name, "/") {
			_, err = io.WriteString(entry, "content of "+header.Name+"\n")
			must(err)
		}
	}
	must(w.Close())
	return b.Bytes()
}

func must(err error) {
	if err != nil {
		panic(err) // a zip in memory: a bug here
	}
}

// damaged has a byte of its content changed, so that its CRC is wrong.
func damaged() []byte {
	b := files("index.js")
	b[bytes.Index(b, []byte("content"))] ^= 1
	return b
}
