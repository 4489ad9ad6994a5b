//go:build linux

package soaktest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/opentcb/opentcb/tcb"
)

// newZip is a zip of one file that no compression makes smaller, about size
// bytes long. Seeds that differ make zips that differ.
func newZip(seed uint64, size int) []byte {
	content := make([]byte, max(size-150, 1))
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24), byte(seed >> 32)})
	random.Read(content)
	return zipOf(map[string][]byte{"index.js": content})
}

// zipOf is a zip of files, stored as they are.
func zipOf(files map[string][]byte) []byte {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, content := range files {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			panic(err) // a bytes.Buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// uploadBody is the body of an upload (UP-4).
func uploadBody(env, function, key string, code []byte) []byte {
	body, err := json.Marshal(map[string]any{
		"CodeSecret": key, "EnvId": env, "FunctionName": function, "Handler": "index.main",
		"ZipFile": base64.StdEncoding.EncodeToString(code), "InstallDependency": false,
	})
	if err != nil {
		panic(err)
	}
	return body
}

// sign asks for the headers of an upload of this body (UP-3).
func (c *client) sign(body []byte) (http.Header, error) {
	var answer tcb.GetUploadSignatureResponse
	req := tcb.GetUploadSignatureRequest{HashedPayload: ptr(sumOf(body))}
	if err := c.call("/tcb/getuploadsignature", req, &answer); err != nil {
		return nil, err
	}
	header := http.Header{}
	for line := range strings.SplitSeq(answer.Headers, "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, &fault{"getuploadsignature answers a header line without a colon"}
		}
		header.Set(name, strings.TrimSpace(value))
	}
	return header, nil
}

// upload signs and sends code for a function.
func (c *client) upload(env, function, key string, code []byte) error {
	body := uploadBody(env, function, key, code)
	header, err := c.sign(body)
	if err != nil {
		return err
	}
	return c.send(header, body)
}

// send sends an upload that was signed.
func (c *client) send(header http.Header, body []byte) error {
	status, answer, err := c.post("/", header, body)
	if err != nil {
		return err
	}
	return decodeUpload(status, answer)
}

// decodeUpload reads an answer in the envelope of Tencent Cloud (UP-4, UP-5).
func decodeUpload(status int, answer []byte) error {
	var a tcb.UpdateFunctionCodeResponse
	if err := json.Unmarshal(answer, &a); err != nil || status != http.StatusOK || a.Response.RequestID == "" {
		return &fault{fmt.Sprintf("status %d: %.300q", status, answer)}
	}
	if e := a.Response.Error; e != nil {
		return &refusal{name: e.Code, text: e.Message}
	}
	return nil
}

// link asks for a link to a function's code.
func (c *client) link(env, function string) (url, checksum string, err error) {
	var answer tcb.DownloadFunctionResponse
	err = c.call("/tcb/downloadfunction", tcb.DownloadFunctionRequest{Env: &env, FunctionName: &function}, &answer)
	return answer.URL, answer.Checksum, err
}

// download returns the checksum of a function's code after fetching the code
// and holding it against the checksum (DF-2). It is "" for a function without
// code of the caller's.
func (c *client) download(env, function string) (string, error) {
	link, checksum, err := c.link(env, function)
	if code, ok := refused(err); ok && code == tcb.NotCodeOwner {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	status, code, err := c.get(link)
	switch {
	case err != nil:
		return "", err
	case status != http.StatusOK:
		return "", &fault{fmt.Sprintf("a fresh link to %s answers status %d: %.200q", function, status, code)}
	case sumOf(code) != checksum:
		return "", &fault{fmt.Sprintf("the code of %s has the hash %s, its checksum is %s", function, sumOf(code), checksum)}
	}
	return checksum, nil
}

// get fetches a link. The error says that the answer broke off.
func (c *client) get(link string) (int, []byte, error) {
	res, err := c.http.Get(link)
	if err != nil {
		return 0, nil, errors.Unwrap(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, body, err
}
