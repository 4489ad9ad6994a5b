package tcb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// DownloadFunctionRequest is the body of POST /tcb/downloadfunction
// (getFuntionLink [sic]).
type DownloadFunctionRequest struct {
	Env          *string `json:"env,omitempty"`
	FunctionName *string `json:"function_name,omitempty"`
}

// DownloadFunctionResponse is the answer. A success has all members.
type DownloadFunctionResponse struct {
	Status
	// URL gives the zip to a plain GET, until it expires.
	URL string `json:"url"`
	// Checksum is the SHA-256 of the zip: 64 lower-case hex characters.
	Checksum string `json:"checksum"`
}

func (r *DownloadFunctionResponse) lacks() string {
	return firstEmpty("url", r.URL, "checksum", r.Checksum)
}

// CodeLink is where a function's code can be fetched with a plain GET until the
// address expires, and the SHA-256 of the zip in lower-case hex.
type CodeLink struct{ URL, Checksum string }

// GetFunctionLink calls POST /tcb/downloadfunction (getFuntionLink [sic]). It
// returns a link to code that the client's own platform uploaded;
// DownloadFunction fetches and verifies the code as well. The interface needs
// permission set 49 or 64.
func (c *Client) GetFunctionLink(ctx context.Context, env, function string) (CodeLink, error) {
	var answer DownloadFunctionResponse
	request := DownloadFunctionRequest{Env: &env, FunctionName: &function}
	err := c.call(ctx, tcbRoute("downloadfunction"), request, &answer)
	return CodeLink{answer.URL, answer.Checksum}, err
}

// ErrChecksum reports that the downloaded bytes do not match the platform's
// checksum. Nothing of them was kept.
var ErrChecksum = errors.New("the code does not match its checksum")

// CodeDownload holds the options of a download.
type CodeDownload struct {
	// Progress, if not nil, is called with the number of bytes received and of
	// all; of is -1 while it is not known.
	Progress func(got, of int64)
	// Tries bounds the tries in a row that receive nothing; 0 is 5.
	Tries int
}

// DownloadFunction downloads a function's code to a file and returns its
// checksum, the SHA-256 in lower-case hex. The file is replaced only when the
// bytes match the platform's checksum and are on the disk; else the error is
// ErrChecksum. A download that breaks off continues where it was, with a new
// link. The interface needs permission set 49 or 64.
func (c *Client) DownloadFunction(
	ctx context.Context, env, function, file string, d CodeDownload,
) (checksum string, err error) {
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
