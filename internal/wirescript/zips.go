package wirescript

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
)

// uploadLimit is the size of the largest zip: 20 MiB as base64 (UP-7).
const uploadLimit = 20 << 20 / 4 * 3

// zips are the packages that scripts upload, by name; the same bytes every
// time, but for unique. Those of the second half are to be refused (UP-7).
var zips = map[string]func() []byte{
	"hello":       func() []byte { return files("index.js", "package.json") },
	"other":       func() []byte { return files("index.js", "lib/other.js") },
	"third":       func() []byte { return files("main.py") },
	"unique":      func() []byte { return files("index.js", hex.EncodeToString(random(16))) },
	"mostentries": func() []byte { return files(numbered(10000)...) },
	"largest":     func() []byte { return sized(uploadLimit) },

	"nothing":      func() []byte { return nil },
	"text":         func() []byte { return []byte("not a zip, whatever its name") },
	"truncated":    func() []byte { b := files("index.js"); return b[:len(b)-10] },
	"damaged":      damaged,
	"empty":        func() []byte { return files() },
	"folders":      func() []byte { return files("lib/", "lib/deep/") },
	"absolute":     func() []byte { return files("index.js", "/etc/passwd") },
	"climbing":     func() []byte { return files("index.js", "../evil.js") },
	"deepclimb":    func() []byte { return files("index.js", "lib/../../evil.js") },
	"duplicate":    func() []byte { return files("index.js", "index.js") },
	"link":         func() []byte { return special(fs.ModeSymlink) },
	"device":       func() []byte { return special(fs.ModeDevice) },
	"pipe":         func() []byte { return special(fs.ModeNamedPipe) },
	"toomany":      func() []byte { return files(numbered(10001)...) },
	"bomb":         func() []byte { return bomb(bombChunk) },
	"lyingbomb":    func() []byte { return bomb(10) },
	"toolarge":     func() []byte { return sized(uploadLimit + 3) },
	"muchtoolarge": func() []byte { return sized(uploadLimit + 4<<20) },
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

// pack writes a zip in memory, where writing cannot fail.
func pack(write func(*zip.Writer)) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	write(w)
	must(w.Close())
	return b.Bytes()
}

func must(err error) {
	if err != nil {
		panic(err) // a zip of ours in memory: a bug here
	}
}

// files is a zip of small files; names that end in a slash are folders.
func files(names ...string) []byte {
	return pack(func(w *zip.Writer) {
		for _, name := range names {
			entry, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
			must(err)
			if !strings.HasSuffix(name, "/") {
				_, err = io.WriteString(entry, "content of "+name+"\n")
				must(err)
			}
		}
	})
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("f%05d", i)
	}
	return names
}

// damaged has a byte of its content changed, so that its CRC is wrong.
func damaged() []byte {
	b := files("index.js")
	b[bytes.Index(b, []byte("content"))] ^= 1
	return b
}

// special is a zip with a regular file and one entry of another kind.
func special(mode fs.FileMode) []byte {
	return pack(func(w *zip.Writer) {
		for _, mode := range []fs.FileMode{0o644, mode | 0o777} {
			header := &zip.FileHeader{Name: "file-" + mode.Type().String()}
			header.SetMode(mode)
			entry, err := w.CreateHeader(header)
			must(err)
			_, err = io.WriteString(entry, "/etc/passwd")
			must(err)
		}
	})
}

// sized is a zip of exactly that many bytes, of content that does not pack.
func sized(size int) []byte {
	frame := len(sizedFrame(nil))
	content := make([]byte, size-frame)
	seeded := rand.NewChaCha8([32]byte{})
	_, err := seeded.Read(content)
	must(err)
	return sizedFrame(content)
}

func sizedFrame(content []byte) []byte {
	return pack(func(w *zip.Writer) {
		entry, err := w.CreateRaw(&zip.FileHeader{
			Name: "large.bin", Method: zip.Store, CRC32: crc32.ChecksumIEEE(content),
			CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content)),
		})
		must(err)
		_, err = entry.Write(content)
		must(err)
	})
}

const bombChunk = 10 << 20

// bomb unpacks to 510 MiB; declared is the size that each entry says it has.
func bomb(declared uint64) []byte {
	zeros := make([]byte, bombChunk)
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	must(err)
	_, err = w.Write(zeros)
	must(err)
	must(w.Close())
	return pack(func(w *zip.Writer) {
		for _, name := range numbered(51) {
			entry, err := w.CreateRaw(&zip.FileHeader{
				Name: name, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(zeros),
				CompressedSize64: uint64(packed.Len()), UncompressedSize64: declared,
			})
			must(err)
			_, err = entry.Write(packed.Bytes())
			must(err)
		}
	})
}
