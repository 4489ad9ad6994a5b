package proxytest

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

const (
	largeFunction = "large"
	largeSize     = 50 << 20
	forgedAddress = "203.0.113.9"
)

// post makes a call through the proxy that says it comes from another address. Nobody
// says how long the body is: a proxy that is written in Go looks for more of one whose
// length it knows, and breaks off an answer that has begun meanwhile (docs/proxies.md).
func (s *front) post(t *testing.T, path, query string, body []byte) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.proxy+path+"?"+query, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", forgedAddress)
	req.ContentLength = -1
	resp, err := s.caller.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// testStreams: the upstream has the first half of a body before the second was sent, and
// the caller the first half of an answer before the second was. The length of the body is
// not known, as with post.
func (s *front) testStreams(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	read, body := io.Pipe()
	go func() {
		_, _ = body.Write(make([]byte, halfBody)) // a failure is the call's
		select {
		case <-s.upstream.half:
			_, _ = body.Write(make([]byte, halfBody))
		case <-ctx.Done():
		}
		body.Close()
	}()
	target := "http://" + s.proxy + slowPath + "?cloudbase_access_token=" + s.tokens["listed"]
	req, err := http.NewRequestWithContext(ctx, "POST", target, read)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.caller.Do(req)
	if err != nil {
		t.Fatalf("the upstream does not have the first half of the body: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != upstreamStatus {
		t.Fatalf("it is answered %d", resp.StatusCode)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, halfBody)); err != nil {
		t.Fatalf("the caller does not have the first half of the answer: %v", err)
	}
	select {
	case s.upstream.half <- struct{}{}:
	case <-ctx.Done():
		t.Fatal("the upstream has ended its answer by itself")
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != halfBody || err != nil {
		t.Errorf("the second half has %d bytes, %v", n, err)
	}
}

// addLargeFunction gives a new data folder a function of largeSize that the platform owns:
// no upload may be as large.
func addLargeFunction(t *testing.T, data string) {
	t.Helper()
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	key := seal.NewMasterKey()
	write(t, data, "master-key", seal.FormatMasterKey(key))
	ring, err := seal.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.OpenDir(filepath.Join(data, "code"), blob.Config{})
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(data, "opentcb.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.BindKey(t.Context(), ring.KeyID()); err != nil {
		t.Fatal(err)
	}
	draft, err := blobs.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := draft.Write(zipOfSize(largeSize)); err != nil {
		t.Fatal(err)
	}
	sum, size := draft.Sum().String(), draft.Size()
	err = errors.Join(store.HoldCode(t.Context(), sum, 1), draft.Commit(t.Context()))
	err = errors.Join(err, store.Apply(t.Context(), []cloud.Change{
		cloud.PutAccount{Account: cloud.Account{AppID: changedID, Cloud: true}},
		cloud.AddEnvironment{Account: changedID, ID: "changed", Whitelist: []string{"/wxa/first"}},
		cloud.PutFunction{Function: cloud.Function{
			Account: changedID, Env: "changed", Name: largeFunction, Owner: platformID, Handler: "index.main",
			Sum: sum, Size: size, AddedAt: 1, ModifiedAt: 1,
		}},
	}, nil))
	if err := errors.Join(err, store.Close(), blobs.Close()); err != nil {
		t.Fatal(err)
	}
}

// zipOfSize is a zip with one file of so many bytes, which cannot be compressed.
func zipOfSize(size int) []byte {
	content := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(content) // it never fails
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	file, err := w.CreateHeader(&zip.FileHeader{Name: "index.js", Method: zip.Store})
	if err == nil {
		_, err = file.Write(content)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		panic(err) // memory takes all
	}
	return b.Bytes()
}
