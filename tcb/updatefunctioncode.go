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
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// UpdateFunctionCodeResponse is the answer of an upload, POST / with the headers
// of getuploadsignature, in the envelope of Tencent Cloud.
type UpdateFunctionCodeResponse struct {
	Response UpdateFunctionCodeResult `json:"Response"`
}

// UpdateFunctionCodeResult is the content of the envelope. A success has
// RequestID only, a failure both members.
type UpdateFunctionCodeResult struct {
	Error     *CloudError `json:"Error,omitempty"`
	RequestID string      `json:"RequestId"`
}

// CloudError is a failure in the envelope of Tencent Cloud.
type CloudError struct {
	Code    string `json:"Code"`
	Message string `json:"Message"`
}

// MaxZip is the length of the longest zip in bytes: 20 MiB in base64.
const MaxZip = 20 << 20 / 4 * 3

// CodeUpload is an upload of a function's code.
type CodeUpload struct {
	Env, Function     string
	Handler           string // such as index.main
	InstallDependency bool
	// CodeSecret is the code protection key; if it is "", UploadFunction asks
	// for it.
	CodeSecret string
	// Progress, if not nil, is called with the number of bytes sent and of all.
	Progress func(sent, of int64)
}

// UploadFunction uploads a zip and makes it the function's code, protected and
// owned by the client's platform. It asks for the key, builds the body, has its
// exact bytes signed, and sends exactly these. It returns the SHA-256 of the
// zip in hex, which GetFunctionLink returns as the checksum from then on. A
// refusal of the upload itself is a *CodeError. An upload can be repeated.
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
	host := header.Get("Host")
	to, err := c.uploadURL(host)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, &progressReader{r: body, progress: progress})
	if err != nil {
		return errors.New(name + ": the address of uploads cannot be used")
	}
	req.ContentLength = int64(len(body))
	req.Header, req.Host = header.Clone(), host
	req.Header.Del("Host")
	client := *c.http()
	client.Timeout = 0 // an upload takes as long as it takes; ctx bounds it
	status, text, err := send(&client, uploadRoute, req)
	if err != nil && !strings.HasPrefix(to, c.base()) {
		return fmt.Errorf("the upload to %s: %w", to, err)
	}
	if err != nil {
		return err
	}
	var answer UpdateFunctionCodeResponse
	err = json.Unmarshal(text, &answer)
	result := answer.Response
	if err != nil || result.Error == nil && (result.RequestID == "" || status != http.StatusOK) {
		if err := decode(uploadRoute, status, text, &struct{}{}); err != nil {
			return err // the envelope of /tcb/*, or none at all
		}
		return &AnswerError{Interface: name, Status: status, Reason: "has no RequestId", Body: beginning(text)}
	}
	if e := result.Error; e != nil {
		return &CodeError{Code: e.Code, Message: e.Message, RequestID: result.RequestID}
	}
	return nil
}

// progressReader reads bytes and reports its progress.
type progressReader struct {
	r        []byte
	off      int
	progress func(sent, of int64)
}

func (t *progressReader) Read(p []byte) (int, error) {
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

// uploadURL returns where an upload is sent whose signature names that host. The
// real platform takes uploads at another host than calls: the key and the code
// are for the host that signed, and for no other. A server that names the host
// of BaseURL, in whichever spelling, gets the upload as it gets the calls.
func (c *Client) uploadURL(host string) (string, error) {
	if c.UploadURL != "" {
		return strings.TrimRight(c.UploadURL, "/") + "/", nil
	}
	base, err := url.Parse(c.base())
	if err != nil || base.Host == "" {
		return "", errors.New("UpdateFunctionCode: the base URL cannot be used")
	}
	named, err := url.Parse("https://" + host)
	if err != nil || named.Host != host || named.Hostname() == "" {
		return "", errors.New("UpdateFunctionCode: the signature names the host " + strconv.Quote(host) + ", which is none")
	}
	if place(base, base.Scheme) == place(named, base.Scheme) {
		return c.base() + "/", nil
	}
	if base.Scheme == "http" && isLoopback(base.Hostname()) && isLoopback(named.Hostname()) {
		named.Scheme = "http" // another name or port of this machine
	}
	return named.String() + "/", nil
}

// place is the host and port of an address, each in one spelling.
func place(u *url.URL, scheme string) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return net.JoinHostPort(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), port)
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
