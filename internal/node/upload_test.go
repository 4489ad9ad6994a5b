package node_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/tcb"
)

// uploaded uploads exactly these bytes and returns the code of the refusal, ""
// if there is none.
func (b *bench) uploaded(c *tcb.Client, body string) string {
	b.t.Helper()
	header, err := c.GetUploadSignature(b.t.Context(), fmt.Sprintf("%x", sha256.Sum256([]byte(body))))
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, b.node.APIURL()+"/", strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header, req.Host = header, header.Get("Host")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer tcb.UpdateFunctionCodeResponse
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Response.RequestID == "" {
		b.t.Fatalf("HTTP %d, %+v, %v", resp.StatusCode, answer, err)
	}
	if answer.Response.Error != nil {
		return answer.Response.Error.Code
	}
	return ""
}

// wantCode wants a function's code to be a zip, downloaded by its link.
func wantCode(t *testing.T, c *tcb.Client, code []byte) {
	t.Helper()
	link, err := c.GetFunctionLink(t.Context(), "env-one", "hello")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%x", sha256.Sum256(code))
	if got := sumOfGet(t, http.DefaultClient, link.URL); got != want || link.Checksum != want {
		t.Errorf("the link gives %s and says %s, want %s", got, link.Checksum, want)
	}
}

// TestUploadInAnotherForm: the bytes that are signed count, not their form:
// white space, order, escapes, unknown members.
//
// Proves: UP-4
func TestUploadInAnotherForm(t *testing.T) {
	b := startBench(t)
	_, developer := b.clients()
	key, err := developer.GetCodeSecret(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	code := zipOf("index.js", "lib/other.js")
	escaped := strings.NewReplacer("/", `\/`, "+", `\u002b`, "A", `\u0041`)
	body := " {\n\t\"ZipFile\" : \"" + escaped.Replace(base64.StdEncoding.EncodeToString(code)) + "\" ,\r\n" +
		` "Handler":"index\u002emain","InstallDependency":"FALSE","More":{"deep":[1,"ZipFile",{"CodeSecret":"no"}]},` +
		`"FunctionName":"hel\u006co","EnvId":"env-one", "CodeSecret":"` + escaped.Replace(key) + "\"}\n\n"
	if refused := b.uploaded(developer, body); refused != "" {
		t.Errorf("refused: %s", refused)
	}
	wantCode(t, developer, code)
}

// TestZipsAtTheLimits uploads zips that are just within the limits, and some
// that are just beyond. (What else makes a zip hostile is shown in codezip.)
//
// Proves: UP-7
func TestZipsAtTheLimits(t *testing.T) {
	onEachStorage(t, func(t *testing.T, b *bench) {
		_, developer := b.clients()
		key, err := developer.GetCodeSecret(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			name  string
			code  []byte
			taken bool
		}{
			{"nothing", nil, false},
			{"no entry", zipOf(), false},
			{"folders", zipOf("lib/", "lib/deep/"), false},
			{"a name twice", zipOf("index.js", "index.js"), false},
			{"an absolute path", zipOf("index.js", "/etc/passwd"), false},
			{"a path that climbs later", zipOf("index.js", "lib/../../evil.js"), false},
			{"10,001 entries", zipOf(numbered(10_001)...), false},
			{"a bomb", bomb(bombChunk), false},
			{"a bomb that lies", bomb(10), false},
			{"3 bytes too many", sized(tcb.MaxZip + 3), false},
			{"4 MiB too many", sized(tcb.MaxZip + 4<<20), false},
			{"10,000 entries", zipOf(numbered(10_000)...), true},
			{"20 MiB in base64", sized(tcb.MaxZip), true},
		} {
			refused := b.uploaded(developer, fmt.Sprintf(
				`{"CodeSecret":%q,"EnvId":"env-one","FunctionName":"hello","Handler":"index.main","ZipFile":%q,"InstallDependency":"FALSE"}`,
				key, base64.StdEncoding.EncodeToString(test.code)))
			switch {
			case test.taken && refused != "":
				t.Errorf("%s: refused with %s", test.name, refused)
			case test.taken:
				wantCode(t, developer, test.code)
			case refused != "InvalidParameterValue.Code":
				t.Errorf("%s: refused with %q", test.name, refused)
			}
		}
	})
}

// TestDamagedCode: stored code that was damaged is not served as if it were
// sound, and the fault is logged.
//
// Proves: DF-11
func TestDamagedCode(t *testing.T) {
	onEachStorage(t, func(t *testing.T, b *bench) {
		link, sum := protectedLink(t, b)
		if err := b.alterCode(sum); err != nil {
			t.Fatal(err)
		}
		resp, err := http.Get(link)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		broken := err != nil
		if !broken && (resp.StatusCode < 400 || bytes.Contains(text, []byte("PK\x03\x04"))) {
			t.Errorf("HTTP %d, %d bytes", resp.StatusCode, len(text))
		}
		if !strings.Contains(b.log.String(), sum) {
			t.Error("the log does not name the code")
		}
	})
}

// pack writes a zip in memory, where writing cannot fail.
func pack(write func(*zip.Writer)) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	write(w)
	_ = w.Close()
	return b.Bytes()
}

// zipOf is a zip of small files; names that end in a slash are folders.
func zipOf(names ...string) []byte {
	return pack(func(w *zip.Writer) {
		for _, name := range names {
			entry, _ := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
			if !strings.HasSuffix(name, "/") {
				_, _ = io.WriteString(entry, "content of "+name+"\n")
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

// sized is a zip of exactly that many bytes, of content that does not pack.
func sized(size int) []byte {
	frame := func(content []byte) []byte {
		return packRaw([]string{"large.bin"}, zip.FileHeader{
			Method: zip.Store, CRC32: crc32.ChecksumIEEE(content), UncompressedSize64: uint64(len(content)),
		}, content)
	}
	content := make([]byte, size-len(frame(nil)))
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	return frame(content)
}

const bombChunk = 10 << 20

// bomb unpacks to 510 MiB; declared is the size that each entry says it has.
func bomb(declared uint64) []byte {
	zeros := make([]byte, bombChunk)
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestSpeed)
	_, _ = w.Write(zeros)
	_ = w.Close()
	return packRaw(numbered(51), zip.FileHeader{
		Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(zeros), UncompressedSize64: declared,
	}, packed.Bytes())
}

// packRaw is a zip of entries that share a header and packed content.
func packRaw(names []string, header zip.FileHeader, content []byte) []byte {
	return pack(func(w *zip.Writer) {
		for _, name := range names {
			header := header
			header.Name, header.CompressedSize64 = name, uint64(len(content))
			entry, _ := w.CreateRaw(&header)
			_, _ = entry.Write(content)
		}
	})
}
