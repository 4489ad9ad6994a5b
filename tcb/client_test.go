package tcb_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentcb/opentcb/tcb"
)

// answering is a client of a platform that answers so.
func answering(t *testing.T, h http.HandlerFunc) *tcb.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return &tcb.Client{BaseURL: srv.URL, Tokens: tcb.StaticToken("the-token")}
}

func always(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// samples are the answers of the documents, and how they are seen.
var samples = []struct {
	name, path, request, answer string
	call                        func(context.Context, *tcb.Client) (any, error)
	want                        any
}{
	{"getcodesecret", "/tcb/getcodesecret", `{}`, `{"errcode":0,"errmsg":"ok","codesecret":"SECRET"}`,
		func(ctx context.Context, c *tcb.Client) (any, error) { return c.GetCodeSecret(ctx) }, "SECRET"},
	{"usecloudaccesstoken get", "/tcb/usecloudaccesstoken", `{"action":"get","env":"ENV"}`,
		`{"errcode":0,"errmsg":"ok","open":true,"api_whitelist":["/wxa/msg_sec_check"],"version":2}`,
		func(ctx context.Context, c *tcb.Client) (any, error) { return c.GetCloudAccessToken(ctx, "ENV") },
		tcb.Permission{Open: true, APIWhitelist: []string{"/wxa/msg_sec_check"}, Version: 2}},
	{"usecloudaccesstoken get, as a document writes it", "/tcb/usecloudaccesstoken", `{"action":"get","env":"ENV"}`,
		`{"errcode":0,"errmsg":"ok","open":false,"api_Whitelist":[],"version":4}`,
		func(ctx context.Context, c *tcb.Client) (any, error) { return c.GetCloudAccessToken(ctx, "ENV") },
		tcb.Permission{APIWhitelist: []string{}, Version: 4}},
	{"usecloudaccesstoken set", "/tcb/usecloudaccesstoken",
		`{"action":"set","env":"ENV","open":false,"api_whitelist":[],"version":0}`, `{"errcode":0,"errmsg":"ok","open":false}`,
		func(ctx context.Context, c *tcb.Client) (any, error) {
			return nil, c.SetCloudAccessToken(ctx, "ENV", tcb.Permission{})
		}, nil},
	{"downloadfunction", "/tcb/downloadfunction", `{"env":"ENV","function_name":"hello"}`,
		`{"errcode":0,"errmsg":"ok","url":"https://example.com/x?a=1&b=2","checksum":"abc"}`,
		func(ctx context.Context, c *tcb.Client) (any, error) { return c.GetFunctionLink(ctx, "ENV", "hello") },
		tcb.CodeLink{URL: "https://example.com/x?a=1&b=2", Checksum: "abc"}},
	{"createfunction", "/tcb/createfunction", `{"env":"ENV","function_name":"hello"}`, `{"errcode":0,"errmsg":"ok"}`,
		func(ctx context.Context, c *tcb.Client) (any, error) {
			return nil, c.CreateFunction(ctx, "ENV", "hello")
		}, nil},
	{"listfunctions", "/tcb/listfunctions", `{"env":"ENV","limit":10,"offset":0}`,
		`{"errcode":0,"errmsg":"ok","total_count":1,"functions":[{"name":"hello","runtime":"Nodejs","status":"Active","add_time":"2026-01-01 00:00:00","mod_time":"2026-01-01 00:00:00"}]}`,
		func(ctx context.Context, c *tcb.Client) (any, error) {
			fs, total, err := c.ListFunctions(ctx, "ENV", 0, 10)
			return fmt.Sprint(total, fs[0].Name, fs[0].ModTime), err
		}, fmt.Sprint(1, "hello", "2026-01-01 00:00:00")},
	{"getuploadsignature", "/tcb/getuploadsignature", `{"hashed_payload":"00"}`,
		`{"errcode":0,"errmsg":"ok","headers":"Authorization:TC3 a=b:c\r\nHost:scf.example.com"}`,
		func(ctx context.Context, c *tcb.Client) (any, error) {
			h, err := c.GetUploadSignature(ctx, "00")
			return h.Get("Authorization") + "|" + h.Get("Host"), err
		}, "TC3 a=b:c|scf.example.com"},
	{"api_component_token", "/cgi-bin/component/api_component_token",
		`{"component_appid":"P","component_appsecret":"S","component_verify_ticket":"T"}`, `{"component_access_token":"CAT","expires_in":7200}`,
		func(ctx context.Context, c *tcb.Client) (any, error) {
			return c.ComponentToken(ctx, "P", "S", "T")
		}, tcb.ComponentTokenResponse{ComponentAccessToken: "CAT", ExpiresIn: 7200}},
	{"api_query_auth", "/cgi-bin/component/api_query_auth", `{"component_appid":"P","authorization_code":"C"}`,
		`{"authorization_info":{"authorizer_appid":"A","authorizer_access_token":"AAT","expires_in":7200,"authorizer_refresh_token":"R","func_info":[{"funcscope_category":{"id":49}}]}}`,
		func(ctx context.Context, c *tcb.Client) (any, error) {
			a, err := c.QueryAuth(ctx, "P", "C")
			return fmt.Sprint(a.AuthorizerAccessToken, a.AuthorizerRefreshToken, a.FuncInfo[0].FuncScopeCategory.ID), err
		}, fmt.Sprint("AAT", "R", 49)},
}

// TestSamples sends what the documents send and sees what they answer.
func TestSamples(t *testing.T) {
	for _, sample := range samples {
		t.Run(sample.name, func(t *testing.T) {
			c := answering(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.Method != "POST" || r.URL.Path != sample.path || string(body) != sample.request {
					t.Errorf("%s %s %s, want POST %s %s", r.Method, r.URL.Path, body, sample.path, sample.request)
				}
				parameter := "access_token"
				if strings.HasPrefix(sample.path, "/cgi-bin/") {
					parameter = "component_access_token"
				}
				if token := r.URL.Query().Get(parameter); token != "the-token" && sample.name != "api_component_token" {
					t.Errorf("%s=%q", parameter, token)
				}
				_, _ = io.WriteString(w, sample.answer)
			})
			got, err := sample.call(t.Context(), c)
			g, _ := json.Marshal(got)
			w, _ := json.Marshal(sample.want)
			if err != nil || string(g) != string(w) {
				t.Errorf("got %s, %v; want %s", g, err, w)
			}
		})
	}
}

// TestRefusals reads refusals as the platform writes them.
func TestRefusals(t *testing.T) {
	for text, want := range map[string]tcb.Error{
		`{"errcode":61007,"errmsg":"api is unauthorized to component: needs permission set 49 or 64 rid: 6b0130a1-723fba1d-94482f77"}`: {
			Code: tcb.MissingPermission, Message: "api is unauthorized to component: needs permission set 49 or 64", RID: "6b0130a1-723fba1d-94482f77", Interface: "getcodesecret"},
		`{"errcode":"-501000","errmsg":"resource not found"}`: {Code: tcb.ResourceNotFound, Message: "resource not found", Interface: "getcodesecret"},
		`{"errcode":45011,"errmsg":"api minute-quota reach limit  mustslower  retry next minute rid: 6b0130a1-723fba1d-94482f78"}`: {
			Code: tcb.MinuteQuota, Message: "api minute-quota reach limit  mustslower  retry next minute", RID: "6b0130a1-723fba1d-94482f78", Interface: "getcodesecret"},
		`{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 6b0130a1-723fba1d-94482f79"}`: {
			Code: 40001, Message: "invalid credential, access_token is invalid or not latest", RID: "6b0130a1-723fba1d-94482f79", Interface: "getcodesecret"},
		`{"errcode":45009}`: {Code: tcb.DailyQuota, Interface: "getcodesecret"},
	} {
		for _, status := range []int{200, 404, 503} {
			_, err := answering(t, always(status, text)).GetCodeSecret(t.Context())
			e, ok := errors.AsType[*tcb.Error](err)
			if !ok || *e != want {
				t.Errorf("%s with %d: %#v", text, status, err)
			}
			if !errors.Is(err, &tcb.Error{Code: want.Code}) || errors.Is(err, tcb.ErrTokenExpired) {
				t.Errorf("%s: errors.Is", text)
			}
		}
	}
}

// TestOddAnswers: whatever comes in place of an answer is an error that shows
// no token.
func TestOddAnswers(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"HTML":              always(200, "<html><body>502 Bad Gateway</body></html>"),
		"empty":             always(200, ""),
		"white":             always(200, " \n"),
		"null":              always(200, "null"),
		"array":             always(200, "[]"),
		"text":              always(200, `"ok"`),
		"half":              always(200, `{"errcode":0,"errmsg":"ok","codese`),
		"two":               always(200, `{"errcode":0,"errmsg":"ok","codesecret":"x"}{}`),
		"no errcode":        always(200, `{"codesecret":"x"}`),
		"no key":            always(200, `{"errcode":0,"errmsg":"ok"}`),
		"errcode of words":  always(200, `{"errcode":"none","codesecret":"x"}`),
		"errcode too large": always(200, `{"errcode":99999999999999999999,"codesecret":"x"}`),
		"key of a number":   always(200, `{"errcode":0,"errmsg":"ok","codesecret":5}`),
		"a gateway's":       always(502, `{"message":"bad gateway"}`),
		"deep":              always(200, strings.Repeat(`{"a":`, 100_000)),
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			chunk := strings.Repeat("x", 1<<20)
			for range 50 {
				if _, err := io.WriteString(w, chunk); err != nil {
					return
				}
			}
		},
		"breaks off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"errcode":0`)
			panic(http.ErrAbortHandler)
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/x", http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := answering(t, h).GetCodeSecret(t.Context())
			if err == nil || time.Since(began) > time.Minute {
				t.Errorf("error %v after %v", err, time.Since(began))
			}
			if err != nil && (strings.Contains(err.Error(), "the-token") || len(err.Error()) > 1000) {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
}

// TestNoEndlessWait: a platform that does not answer ends with the context, or
// with the client's own patience.
func TestNoEndlessWait(t *testing.T) {
	gone := make(chan struct{})
	c := answering(t, func(http.ResponseWriter, *http.Request) { <-gone })
	defer close(gone)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.GetCodeSecret(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a deadline: %v", err)
	}
	c.HTTP = &http.Client{Timeout: 50 * time.Millisecond}
	if _, err := c.GetCodeSecret(t.Context()); err == nil || strings.Contains(err.Error(), "the-token") {
		t.Errorf("with a timeout: %v", err)
	}
	if _, err := (&tcb.Client{}).GetCodeSecret(t.Context()); err == nil {
		t.Error("a client without tokens calls")
	}
}

// renewing counts renewals and hands out token-1, token-2, …
type renewing struct{ tokens, renewals atomic.Int64 }

func (r *renewing) Token(context.Context) (string, error) {
	return fmt.Sprintf("token-%d", r.tokens.Load()), nil
}

func (r *renewing) Renew(_ context.Context, refused string) (string, error) {
	r.renewals.Add(1)
	if refused != fmt.Sprintf("token-%d", r.tokens.Load()) {
		return "", errors.New("another was refused")
	}
	return fmt.Sprintf("token-%d", r.tokens.Add(1)), nil
}

// TestRefusedTokenIsRenewedOnce: one renewal and one retry, with the body
// intact, only for the codes of a stale token.
func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	for code, want := range map[int]struct{ calls, renewals int64 }{
		40001: {2, 1}, 40014: {2, 1}, 42001: {2, 1}, 61003: {1, 0}, -1: {1, 0}, 48001: {1, 0},
	} {
		for _, recovers := range []bool{true, false} {
			var calls atomic.Int64
			c := answering(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if string(body) != `{"env":"ENV","function_name":"hello"}` {
					t.Errorf("body %s", body)
				}
				calls.Add(1)
				if recovers && r.URL.Query().Get("access_token") == "token-1" {
					_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
					return
				}
				fmt.Fprintf(w, `{"errcode":%d,"errmsg":"refused"}`, code)
			})
			source := &renewing{}
			c.Tokens = source
			err := c.CreateFunction(t.Context(), "ENV", "hello")
			if calls.Load() != want.calls || source.renewals.Load() != want.renewals {
				t.Errorf("%d: %d calls and %d renewals, want %+v", code, calls.Load(), source.renewals.Load(), want)
			}
			if ok := recovers && want.renewals == 1; (err == nil) != ok {
				t.Errorf("%d, recovers %t: %v", code, recovers, err)
			}
		}
	}
}
