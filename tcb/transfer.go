package tcb

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// MaxZip is how long a zip may be: 20 MiB once written in base64.
const MaxZip = 20 << 20 / 4 * 3

// CodeUpload is an upload of a function's code.
type CodeUpload struct {
	Env, Function     string
	Handler           string // such as index.main
	InstallDependency bool
	// CodeSecret is the code protection key; "" asks for it first.
	CodeSecret string
	// Progress, if not nil, is told how many bytes of how many were sent.
	Progress func(sent, of int64)
}

// UploadFunction uploads a zip and makes it the function's code, protected and
// owned by the client's platform. It asks for the key, builds the body, has its
// exact bytes signed, and sends exactly these. It returns the SHA-256 of the
// zip in hex, which is what GetFunctionLink answers as checksum from then on.
// A refusal of the upload itself is a CodeError. An upload can be made again.
func (c *Client) UploadFunction(ctx context.Context, u CodeUpload, zip io.Reader) (checksum string, err error) {
	code, err := io.ReadAll(io.LimitReader(zip, MaxZip+1))
	if err != nil {
		return "", fmt.Errorf("UpdateFunctionCode: reading the zip: %w", err)
	}
	if len(code) > MaxZip {
		return "", fmt.Errorf("UpdateFunctionCode: the zip is over %d bytes", MaxZip)
	}
	if u.CodeSecret == "" {
		if u.CodeSecret, err = c.GetCodeSecret(ctx); err != nil {
			return "", err
		}
	}
	body, err := json.Marshal(map[string]any{
		"CodeSecret": u.CodeSecret, "EnvId": u.Env, "FunctionName": u.Function, "Handler": u.Handler,
		"ZipFile": base64.StdEncoding.EncodeToString(code), "InstallDependency": u.InstallDependency,
	})
	if err != nil {
		return "", fmt.Errorf("UpdateFunctionCode: %w", err)
	}
	sum := sha256.Sum256(body)
	header, err := c.GetUploadSignature(ctx, hex.EncodeToString(sum[:]))
	if err != nil {
		return "", err
	}
	if err := c.sendUpload(ctx, header, body, u.Progress); err != nil {
		return "", err
	}
	sum = sha256.Sum256(code)
	return hex.EncodeToString(sum[:]), nil
}

// uploadRoute is where signed uploads go.
var uploadRoute = route{path: "/UpdateFunctionCode"}

func (c *Client) sendUpload(ctx context.Context, header http.Header, body []byte, progress func(sent, of int64)) error {
	const name = "UpdateFunctionCode"
	// The signature is for the host that it names: the platform's upload
	// address on the real thing, the server's own here.
	base, host := c.base(), header.Get("Host")
	if c.BaseURL == "" || c.BaseURL == DefaultBaseURL {
		base = "https://" + host
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/", &told{r: body, progress: progress})
	if err != nil {
		return errors.New(name + ": the signature names no host that can be used")
	}
	req.ContentLength = int64(len(body))
	req.Header, req.Host = header.Clone(), host
	req.Header.Del("Host")
	client := *c.http()
	client.Timeout = 0 // an upload takes as long as it takes; ctx bounds it
	status, text, err := (&Client{HTTP: &client}).send(req, maxAnswer)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var answer UpdateFunctionCodeResponse
	if json.Unmarshal(text, &answer) != nil || answer.Response.Error == nil && (answer.Response.RequestID == "" || status != http.StatusOK) {
		if err := decode(uploadRoute, status, text, &struct{}{}); err != nil {
			return err // the platform's own envelope, or none at all
		}
		return &AnswerError{Interface: name, Status: status, Reason: "has no RequestId", Body: beginning(text)}
	}
	if e := answer.Response.Error; e != nil {
		return &CodeError{Code: e.Code, Message: e.Message, RequestID: answer.Response.RequestID}
	}
	return nil
}

// told reads bytes and tells how far it got.
type told struct {
	r        []byte
	off      int
	progress func(sent, of int64)
}

func (t *told) Read(p []byte) (int, error) {
	if t.off == len(t.r) {
		return 0, io.EOF
	}
	n := copy(p, t.r[t.off:])
	t.off += n
	if t.progress != nil {
		t.progress(int64(t.off), int64(len(t.r)))
	}
	return n, nil
}

// ErrChecksum: what was downloaded is not what the platform's checksum says.
// Nothing was kept of it.
var ErrChecksum = errors.New("the code does not match its checksum")

// CodeDownload says how a download goes.
type CodeDownload struct {
	// Progress, if not nil, is told how many bytes of how many have come; of is
	// -1 while it is not known.
	Progress func(got, of int64)
	// Tries is how often a download that breaks off without having got further
	// is taken up again; 0 is 5.
	Tries int
}

// DownloadFunction downloads a function's code to a file, which is replaced
// only when the bytes match the platform's checksum and are on the disk. A
// download that breaks off goes on where it was; a link that died is asked for
// anew. It returns the checksum, SHA-256 in lower-case hex. Permission set 49
// or 64.
func (c *Client) DownloadFunction(ctx context.Context, env, function, file string, d CodeDownload) (checksum string, err error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".download-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("downloadfunction: %w", err)
	}
	defer os.Remove(tmp.Name()) // gone already if all goes well
	defer tmp.Close()
	checksum, err = c.download(ctx, env, function, tmp, d)
	if err != nil {
		return "", err
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return "", fmt.Errorf("downloadfunction: %w", err)
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return "", fmt.Errorf("downloadfunction: %w", err)
	}
	return checksum, nil
}

const (
	defaultTries  = 5
	retryPause    = 300 * time.Millisecond // grows with each try
	maxDownload   = 1 << 30                // bytes; an endless body is not code
	idleWhileRead = 30 * time.Second       // without a byte
)

// download writes a function's code to an empty file, and verifies it.
func (c *Client) download(ctx context.Context, env, function string, file *os.File, d CodeDownload) (string, error) {
	if d.Tries <= 0 {
		d.Tries = defaultTries
	}
	t := transfer{c: c, file: file, progress: d.Progress}
	var lastErr error
	for failures := 0; failures < d.Tries; {
		if failures > 0 {
			select {
			case <-ctx.Done():
				return "", fmt.Errorf("downloadfunction: %w", ctx.Err())
			case <-time.After(time.Duration(failures) * retryPause):
			}
		}
		link, err := c.GetFunctionLink(ctx, env, function)
		if err != nil {
			return "", err
		}
		before := t.got
		err = t.from(ctx, link)
		switch {
		case err == nil:
			return t.checksum, nil
		case errors.Is(err, ErrChecksum), ctx.Err() != nil:
			return "", fmt.Errorf("downloadfunction: %w", err)
		case errors.Is(err, errHere):
			return "", fmt.Errorf("downloadfunction: %w", err)
		}
		lastErr = err
		if t.got > before {
			failures = 0 // it got further
		}
		failures++
	}
	return "", fmt.Errorf("downloadfunction: given up after %d tries: %w", d.Tries, lastErr)
}

// errHere is a fault of this machine's: trying again does not help.
var errHere = errors.New("the code cannot be written")

// transfer is a download that may take several requests.
type transfer struct {
	c        *Client
	file     *os.File
	progress func(got, of int64)

	checksum string // of what is being downloaded
	got      int64  // bytes in the file
}

// from goes on with a download by a link. If the code was replaced since the
// transfer began it begins again.
func (t *transfer) from(ctx context.Context, link CodeLink) error {
	link.Checksum = strings.ToLower(link.Checksum)
	if link.Checksum != t.checksum {
		if err := t.restart(link.Checksum); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link.URL, nil)
	if err != nil {
		return errors.New("the platform gave an address that cannot be used")
	}
	if t.got > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", t.got))
	}
	client := *t.c.http()
	client.Timeout = 0 // a large zip on a slow line; idleWhileRead bounds it
	idle := time.AfterFunc(idleWhileRead, cancel)
	defer idle.Stop()
	resp, err := client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK && t.got > 0: // it does not know ranges
		if err := t.restart(t.checksum); err != nil {
			return err
		}
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return t.verify() // all of it is there, or it is another
	case resp.StatusCode == http.StatusPartialContent && !strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", t.got)):
		return errors.New("the download went on at another place than was asked for")
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent:
		return fmt.Errorf("the link answered HTTP %d", resp.StatusCode)
	}
	if err := t.copy(resp, idle); err != nil {
		return err
	}
	return t.verify()
}

func (t *transfer) restart(checksum string) error {
	t.checksum, t.got = checksum, 0
	if err := t.file.Truncate(0); err != nil {
		return fmt.Errorf("%w: %w", errHere, err)
	}
	return nil
}

// copy appends a body to the file.
func (t *transfer) copy(resp *http.Response, idle *time.Timer) error {
	of := int64(-1)
	if resp.ContentLength >= 0 {
		of = t.got + resp.ContentLength
	}
	buf := make([]byte, 128<<10)
	for {
		n, err := resp.Body.Read(buf)
		idle.Reset(idleWhileRead)
		if _, err := t.file.WriteAt(buf[:n], t.got); err != nil {
			return fmt.Errorf("%w: %w", errHere, err)
		}
		if t.got += int64(n); t.got > maxDownload {
			return fmt.Errorf("%w: it is over %d bytes", errHere, maxDownload)
		}
		if t.progress != nil {
			t.progress(t.got, of)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the download broke off: %w", withoutURL(err))
		}
	}
}

// verify hashes what is in the file, all of it, as it was written.
func (t *transfer) verify() error {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(t.file, 0, t.got)); err != nil {
		return fmt.Errorf("%w: %w", errHere, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != t.checksum {
		return fmt.Errorf("%w: its SHA-256 is %s, and should be %s", ErrChecksum, got, t.checksum)
	}
	return nil
}
