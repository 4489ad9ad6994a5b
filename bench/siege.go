package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// siegeOrders say which server a platform at its limits is at.
type siegeOrders struct{ Address string }

// What a platform at its limits does at once. Its share of uploads is full.
const (
	trickles     = 12
	trickleRate  = 70 << 10 // bytes a second: just more than an upload needs
	siegeRate    = 200      // calls of each kind per second, at most
	bombs        = 6
	refusedPause = time.Second
	bombSize     = 300 << 20 // unpacked
	bombUnit     = 512 << 10 // of which a hundredth is random
)

// siege is a platform at its limits: uploads that come as slowly as they may,
// zips that unpack to as much as they may, and calls, each on its own, that set
// a whitelist, make functions, and bring a link that is good no more.
func siege(in io.Reader, out io.Writer) error {
	var orders siegeOrders
	if err := json.NewDecoder(in).Decode(&orders); err != nil {
		return err
	}
	ctx := context.Background()
	bad, err := neighbourClient(ctx, orders.Address, 2)
	if err != nil {
		return err
	}
	if err := uploadRandom(ctx, bad, "bad-env", 1); err != nil {
		return err
	}
	link, err := bad.GetFunctionLink(ctx, "bad-env", "code")
	if err != nil {
		return err
	}
	permission, err := bad.GetCloudAccessToken(ctx, "bad-env")
	if err != nil {
		return err
	}
	bomb, hash, err := newBomb(ctx, bad)
	if err != nil {
		return err
	}
	faults := make(chan error, trickles+bombs+3)
	again := func(pause time.Duration, do func(n int) error) { go repeat(pause, do, faults) }
	for i := range trickles {
		again(0, func(n int) error {
			body := io.MultiReader(strings.NewReader(`{"EnvId":"bad-env","FunctionName":"code","ZipFile":"`), slowly{})
			return signed(ctx, bad, fmt.Sprintf("%064x", i*1000+n), io.LimitReader(body, tcb.MaxZip), tcb.MaxZip)
		})
	}
	for range bombs {
		again(0, func(int) error { return signed(ctx, bad, hash, bytes.NewReader(bomb), int64(len(bomb))) })
	}
	again(time.Second/siegeRate, func(n int) error {
		permission.APIWhitelist = []string{fmt.Sprintf("/wxa/%d", n)}
		err := bad.SetCloudAccessToken(ctx, "bad-env", permission)
		permission.Version += 2
		return err
	})
	again(time.Second/siegeRate, func(n int) error {
		return bad.CreateFunction(ctx, "bad-env", fmt.Sprintf("f-%d-%d", time.Now().Unix(), n))
	})
	again(time.Second/siegeRate, func(int) error { return get(link.URL) })
	time.Sleep(2 * time.Second) // the link is dead, and the places for uploads are taken
	fmt.Fprintf(out, "ready api=http://%s\n", orders.Address)
	return <-faults
}

// repeat does something again and again until it fails.
func repeat(pause time.Duration, do func(n int) error, faults chan<- error) {
	for n := 0; ; n++ {
		if err := do(n); err != nil {
			faults <- err
			return
		}
		time.Sleep(pause)
	}
}

// get takes whatever a link is answered with.
func get(url string) error {
	answer, err := http.Get(url)
	if err != nil {
		return errors.New("a link is not answered")
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// randomBytes are others with each call.
func randomBytes(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(time.Now().UnixNano()))
	return rand.NewChaCha8(key)
}

// newBomb returns an upload, and its hash, of a zip that unpacks to nearly a
// hundred times its size.
func newBomb(ctx context.Context, c *tcb.Client) (body []byte, hash string, err error) {
	var code bytes.Buffer
	w := zip.NewWriter(&code)
	entry, err := w.Create("index.js")
	if err != nil {
		return nil, "", err
	}
	unit := make([]byte, bombUnit)
	for n := 0; n < bombSize; n += bombUnit {
		if _, err := io.ReadFull(randomBytes(uint64(n)), unit[:bombUnit/90]); err != nil {
			return nil, "", err
		}
		if _, err := entry.Write(unit); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	key, err := c.GetCodeSecret(ctx)
	if err != nil {
		return nil, "", err
	}
	body = fmt.Appendf(nil, `{"CodeSecret":%q,"EnvId":"bad-env","FunctionName":"code","ZipFile":"%s"}`,
		key, base64.StdEncoding.EncodeToString(code.Bytes()))
	return body, fmt.Sprintf("%x", sha256.Sum256(body)), nil
}

// signed sends an upload. After a refusal it waits, as it was told to.
func signed(ctx context.Context, c *tcb.Client, hash string, body io.Reader, size int64) error {
	header, err := c.GetUploadSignature(ctx, hash)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BaseURL+"/", body)
	if err != nil {
		return err
	}
	request.ContentLength, request.Header, request.Host = size, header, header.Get("Host")
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("an upload was not answered: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if bytes.Contains(text, []byte(`"Error"`)) {
		time.Sleep(refusedPause)
	}
	return err
}

// slowly is base64 at the rate of a slow upload.
type slowly struct{}

func (slowly) Read(p []byte) (int, error) {
	const steps = 4 // a second
	time.Sleep(time.Second / steps)
	return copy(p, bytes.Repeat([]byte("A"), trickleRate/steps)), nil
}

// uploadRandom uploads code that was not there before.
func uploadRandom(ctx context.Context, c *tcb.Client, env string, seed uint64) error {
	var code bytes.Buffer
	w := zip.NewWriter(&code)
	entry, err := w.CreateHeader(&zip.FileHeader{Name: "index.js", Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = io.CopyN(entry, randomBytes(seed), uploadSize)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	_, err = c.UploadFunction(ctx, tcb.CodeUpload{Env: env, Function: "code"}, &code)
	return err
}
