package wirescript

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// zips are the packages that scripts upload, by name: the same bytes every
// time. Those of the second half are to be refused (UP-7).
var zips = map[string]func() []byte{
	"hello": func() []byte { return files("index.js", "package.json") },
	"other": func() []byte { return files("index.js", "lib/other.js") },
	"third": func() []byte { return files("main.py") },

	"text":      func() []byte { return []byte("not a zip, whatever its name") },
	"truncated": func() []byte { b := files("index.js"); return b[:len(b)-10] },
	"damaged":   damaged,
	"climbing":  func() []byte { return files("index.js", "../evil.js") },
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

// files is a zip of small files.
func files(names ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		must(err)
		_, err = io.WriteString(entry, "content of "+name+"\n")
		must(err)
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
