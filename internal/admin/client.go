package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/world"
)

// Client calls the admin interface of a server.
type Client struct {
	URL   string // http://HOST:PORT
	Token string
	HTTP  *http.Client // default http.DefaultClient
}

// Refusal is an answer of the server that is no success.
type Refusal struct {
	Status  int
	Code    int // the errcode of the kind of fault
	Message string
	RID     string
	Faults  []Fault
}

// Error writes the message, and the faults a line each.
func (r *Refusal) Error() string {
	s := r.Message
	for _, f := range r.Faults {
		s += fmt.Sprintf("\n  line %d: %s", f.Line, f.Message)
	}
	return s
}

// Ticket returns a platform's current verify ticket.
func (c *Client) Ticket(ctx context.Context, platform string) (string, error) {
	var t Ticket
	err := c.call(ctx, "GET", "/v1/platforms/"+url.PathEscape(platform)+"/ticket", content{}, &t)
	return t.Ticket, err
}

// Authorize gives the merchant's consent and returns the authorization code.
func (c *Client) Authorize(ctx context.Context, platform, appid string, sets []int) (AuthorizationCode, error) {
	body, err := json.Marshal(Consent{PermissionSets: sets})
	if err != nil {
		return AuthorizationCode{}, err
	}
	var code AuthorizationCode
	err = c.call(ctx, "POST", authorizationPath(platform, appid), jsonContent(body), &code)
	return code, err
}

// Revoke cancels an authorization.
func (c *Client) Revoke(ctx context.Context, platform, appid string) error {
	return c.call(ctx, "DELETE", authorizationPath(platform, appid), content{}, nil)
}

func authorizationPath(platform, appid string) string {
	return "/v1/platforms/" + url.PathEscape(platform) + "/authorizations/" + url.PathEscape(appid)
}

// CloudbaseToken gives a token for the code of an environment.
func (c *Client) CloudbaseToken(ctx context.Context, env string) (CloudbaseToken, error) {
	var token CloudbaseToken
	err := c.call(ctx, "POST", environmentPath(env, "token"), content{}, &token)
	return token, err
}

// Credential gives what the runtime of an environment proves itself with.
func (c *Client) Credential(ctx context.Context, env string) (Credential, error) {
	var credential Credential
	err := c.call(ctx, "POST", environmentPath(env, "credential"), content{}, &credential)
	return credential, err
}

// RevokeCredentials voids every credential of an environment.
func (c *Client) RevokeCredentials(ctx context.Context, env string) error {
	return c.call(ctx, "DELETE", environmentPath(env, "credential"), content{}, nil)
}

// Explain says why the call with that rid was refused.
func (c *Client) Explain(ctx context.Context, rid string) (cloud.Explanation, error) {
	var x cloud.Explanation
	err := c.call(ctx, "GET", "/v1/calls/"+url.PathEscape(rid), content{}, &x)
	return x, err
}

// SuggestWhitelist returns what an environment called in the last week, and
// the smallest whitelist that allows it.
func (c *Client) SuggestWhitelist(ctx context.Context, env string, allowedOnly bool) (cloud.Suggestion, error) {
	var suggestion cloud.Suggestion
	err := c.call(ctx, "GET", environmentPath(env, "whitelist/suggestion")+fmt.Sprintf("?allowed_only=%t", allowedOnly), content{}, &suggestion)
	return suggestion, err
}

// TryWhitelist says which calls of the last day a whitelist would have
// refused.
func (c *Client) TryWhitelist(ctx context.Context, env string, entries []string) (cloud.Trial, error) {
	var trial cloud.Trial
	body, err := json.Marshal(Whitelist{entries})
	if err == nil {
		err = c.call(ctx, "POST", environmentPath(env, "whitelist/trial"), jsonContent(body), &trial)
	}
	return trial, err
}

// WhitelistHistory returns the changes of an environment's permission, oldest
// first.
func (c *Client) WhitelistHistory(ctx context.Context, env string) ([]cloud.PermissionChange, error) {
	var history History
	err := c.call(ctx, "GET", environmentPath(env, "whitelist/history"), content{}, &history)
	return history.Changes, err
}

// RestoreWhitelist sets the whitelist of an earlier version anew, and returns
// the new version.
func (c *Client) RestoreWhitelist(ctx context.Context, env string, version int64) (int64, error) {
	var now Version
	body, err := json.Marshal(Version{version})
	if err == nil {
		err = c.call(ctx, "POST", environmentPath(env, "whitelist/restore"), jsonContent(body), &now)
	}
	return now.Version, err
}

func environmentPath(env, rest string) string {
	return "/v1/environments/" + url.PathEscape(env) + "/" + rest
}

// Deploy uploads a zip as the merchant's own developer and returns its
// checksum.
func (c *Client) Deploy(ctx context.Context, env, function string, zip io.Reader) (Code, error) {
	var code Code
	err := c.call(ctx, "PUT", "/v1/environments/"+url.PathEscape(env)+"/functions/"+url.PathEscape(function)+"/code", content{"application/zip", zip}, &code)
	return code, err
}

// AddCode stores a zip for a world to name.
func (c *Client) AddCode(ctx context.Context, zip io.Reader) (Code, error) {
	var code Code
	err := c.call(ctx, "PUT", "/v1/code", content{"application/zip", zip}, &code)
	return code, err
}

// Apply brings the server to what a world says. code gives the checksum of
// each zip that the world names, as AddCode returned it.
func (c *Client) Apply(ctx context.Context, w *world.World, code map[string]string) ([]cloud.Applied, error) {
	text, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(Apply{World: text, Code: code})
	if err != nil {
		return nil, err
	}
	var applied Applied
	err = c.call(ctx, "POST", "/v1/apply", jsonContent(body), &applied)
	return applied.Changes, err
}

// Audit gives every record that the query chooses to each, oldest first. The
// query's members are since, until, account and outcome.
func (c *Client) Audit(ctx context.Context, query url.Values, each func(cloud.Record) error) error {
	resp, err := c.do(ctx, "GET", "/v1/audit?"+query.Encode(), content{})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(bufio.NewReader(resp.Body))
	for lines.More() {
		var rec cloud.Record
		if err := lines.Decode(&rec); err != nil {
			return fmt.Errorf("the audit record broke off: %w", err)
		}
		if err := each(rec); err != nil {
			return err
		}
	}
	// More is false also when the answer broke off.
	if _, err := lines.Token(); err != io.EOF {
		return fmt.Errorf("the audit record broke off: %w", err)
	}
	return nil
}

// Collect removes code that no function uses and that is older than the grace;
// with dry it only tells. each gets every finding and, now and then, progress.
func (c *Client) Collect(ctx context.Context, grace time.Duration, dry bool, each func(CodeLine) error) (cloud.CodeReport, error) {
	query := url.Values{"grace": {grace.String()}, "dry_run": {strconv.FormatBool(dry)}}
	return c.codeLines(ctx, "/v1/code/collection?"+query.Encode(), each)
}

// Scrub reads all code and gives what does not match its name, or is missing,
// to each, and progress now and then.
func (c *Client) Scrub(ctx context.Context, each func(CodeLine) error) (cloud.CodeReport, error) {
	return c.codeLines(ctx, "/v1/code/check", each)
}

func (c *Client) codeLines(ctx context.Context, path string, each func(CodeLine) error) (cloud.CodeReport, error) {
	resp, err := c.do(ctx, "POST", path, content{})
	if err != nil {
		return cloud.CodeReport{}, err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(bufio.NewReader(resp.Body))
	for {
		var line CodeLine
		if err := lines.Decode(&line); err != nil {
			return cloud.CodeReport{}, fmt.Errorf("the server broke off before it had seen all code: %w", err)
		}
		switch {
		case line.Done != nil:
			return *line.Done, nil
		case line.Error != "":
			return cloud.CodeReport{}, fmt.Errorf("the server broke off before it had seen all code: %s; its log says why", line.Error)
		}
		if err := each(line); err != nil {
			return cloud.CodeReport{}, err
		}
	}
}

// content is the body of a request and its type; zero for none.
type content struct {
	mime string
	r    io.Reader
}

func jsonContent(text []byte) content { return content{"application/json", bytes.NewReader(text)} }

// call sends a request and decodes the answer into v, unless v is nil.
func (c *Client) call(ctx context.Context, method, path string, body content, v any) error {
	resp, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if v == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		return fmt.Errorf("the answer of %s is not what an admin interface says: %w", c.URL, err)
	}
	return nil
}

// do sends a request; an answer that is no success is a Refusal.
func (c *Client) do(ctx context.Context, method, path string, body content) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, body.r)
	if err != nil {
		return nil, err
	}
	if body.mime != "" {
		req.Header.Set("Content-Type", body.mime)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil || resp.StatusCode < 300 {
		return resp, err
	}
	defer resp.Body.Close()
	refusal := &Refusal{Status: resp.StatusCode, Message: resp.Status}
	var told ErrorBody
	if json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&told) == nil && told.Error.Message != "" {
		refusal.Code, refusal.Message, refusal.RID, refusal.Faults = told.Error.Code, told.Error.Message, told.Error.RID, told.Error.Faults
	}
	return nil, refusal
}
