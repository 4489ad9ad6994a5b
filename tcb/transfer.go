package tcb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	defaultTries  = 5
	retryPause    = 300 * time.Millisecond // grows with each try
	maxDownload   = 1 << 30                // bytes; an endless body is not code
	idleWhileRead = 30 * time.Second       // without a byte
)

// download writes a function's code to an empty file, verifies it and returns
// its checksum.
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
		case errors.Is(err, ErrChecksum), errors.Is(err, errHere), ctx.Err() != nil:
			return "", fmt.Errorf("downloadfunction: %w", err)
		}
		lastErr = err
		if t.got > before {
			failures = 0 // some bytes came
		}
		failures++
	}
	return "", fmt.Errorf("downloadfunction: given up after %d tries: %w", d.Tries, lastErr)
}

// errHere is a failure of this machine: a retry does not help.
var errHere = errors.New("the code cannot be written")

// transfer is a download that may take several requests.
type transfer struct {
	c        *Client
	file     *os.File
	progress func(got, of int64)

	checksum string // of what is being downloaded
	got      int64  // bytes in the file
}

// from continues a download by a link. If the code was replaced since the
// transfer began, it starts from the beginning.
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
		return errors.New("the platform returned an address that cannot be used")
	}
	if t.got > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", t.got))
	}
	client := forDownloads(t.c.http())
	client.Timeout = 0 // a large zip on a slow line; idleWhileRead bounds it
	idle := time.AfterFunc(idleWhileRead, cancel)
	defer idle.Stop()
	resp, err := do(client, req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK && t.got > 0: // the server ignores ranges
		if err := t.restart(t.checksum); err != nil {
			return err
		}
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return t.verify() // all of it is here already
	case resp.StatusCode == http.StatusPartialContent && !startsAt(resp, t.got):
		return errors.New("the download continued at another place than was requested")
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent:
		return fmt.Errorf("the link answered HTTP %d", resp.StatusCode)
	}
	if err := t.copy(resp, idle); err != nil {
		return err
	}
	return t.verify()
}

// startsAt reports whether a partial answer begins at an offset.
func startsAt(resp *http.Response, offset int64) bool {
	return strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", offset))
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
			return fmt.Errorf("the download broke off: %w", brokenOff(err))
		}
	}
}

// verify compares the hash of the whole file with the checksum.
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
