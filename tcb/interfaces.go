package tcb

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"
)

// GetCodeSecret calls POST /tcb/getcodesecret (getCodeSecret): the code
// protection key of the client's platform for its Mini Program, 64 characters
// of base64. Permission set 49 or 64.
func (c *Client) GetCodeSecret(ctx context.Context) (string, error) {
	var answer GetCodeSecretResponse
	err := c.call(ctx, tcbRoute("getcodesecret"), nil, &answer)
	return answer.CodeSecret, err
}

// Permission says whether, and for which interfaces, code in an environment may
// use the cloudbase_access_token. Open is one switch for all environments of an
// account; the others are the environment's own.
type Permission struct {
	Open         bool
	APIWhitelist []string // such as /wxa/msg_sec_check, /wxa/* or /*
	Version      int64
}

// GetCloudAccessToken calls POST /tcb/usecloudaccesstoken with action get
// (setCloudAccessToken). Permission set 49 or 64; a component token for a
// platform's own environments.
func (c *Client) GetCloudAccessToken(ctx context.Context, env string) (Permission, error) {
	action := "get"
	var answer getPermission
	err := c.call(ctx, tcbRoute("usecloudaccesstoken"), UseCloudAccessTokenRequest{Action: &action, Env: &env}, &answer)
	if err != nil {
		return Permission{}, err
	}
	return Permission{Open: answer.Open, APIWhitelist: *answer.APIWhitelist, Version: *answer.Version}, nil
}

// SetCloudAccessToken calls POST /tcb/usecloudaccesstoken with action set
// (setCloudAccessToken). Version is the one that was read: an Error with the
// code 40097 says that somebody has set since. Sent again after its answer was
// lost, the same set is answered like the first.
func (c *Client) SetCloudAccessToken(ctx context.Context, env string, p Permission) error {
	action, list := "set", p.APIWhitelist
	if list == nil {
		list = []string{}
	}
	var answer UseCloudAccessTokenResponse
	return c.call(ctx, tcbRoute("usecloudaccesstoken"), UseCloudAccessTokenRequest{
		Action: &action, Env: &env, Open: &p.Open, APIWhitelist: &list, Version: &p.Version,
	}, &answer)
}

// CodeLink is where a function's code is to be had with a plain GET, until the
// address expires, and the SHA-256 of the zip in lower-case hex.
type CodeLink struct{ URL, Checksum string }

// GetFunctionLink calls POST /tcb/downloadfunction (getFuntionLink [sic]), for
// code that the client's own platform uploaded. Permission set 49 or 64.
// DownloadFunction fetches and verifies the code as well.
func (c *Client) GetFunctionLink(ctx context.Context, env, function string) (CodeLink, error) {
	var answer DownloadFunctionResponse
	err := c.call(ctx, tcbRoute("downloadfunction"), DownloadFunctionRequest{Env: &env, FunctionName: &function}, &answer)
	return CodeLink{answer.URL, answer.Checksum}, err
}

// CreateFunction calls POST /tcb/createfunction: a function without code.
// Permission set 49 or 64.
func (c *Client) CreateFunction(ctx context.Context, env, function string) error {
	var answer CreateFunctionResponse
	return c.call(ctx, tcbRoute("createfunction"), CreateFunctionRequest{Env: &env, FunctionName: &function}, &answer)
}

// MaxFunctions is how many functions one listfunctions answers at most.
const MaxFunctions = 20

// ListFunctions calls POST /tcb/listfunctions: up to limit functions (1 to
// MaxFunctions) from offset on, and how many there are in all.
func (c *Client) ListFunctions(ctx context.Context, env string, offset, limit int64) ([]Function, int64, error) {
	var answer ListFunctionsResponse
	err := c.call(ctx, tcbRoute("listfunctions"), ListFunctionsRequest{Env: &env, Offset: &offset, Limit: &limit}, &answer)
	return answer.Functions, answer.TotalCount, err
}

// AllFunctions gives every function of an environment, page by page. It ends
// with the first error.
func (c *Client) AllFunctions(ctx context.Context, env string) iter.Seq2[Function, error] {
	return func(yield func(Function, error) bool) {
		for offset := int64(0); ; {
			page, total, err := c.ListFunctions(ctx, env, offset, MaxFunctions)
			if err != nil {
				yield(Function{}, err)
				return
			}
			for _, f := range page {
				if !yield(f, nil) {
					return
				}
			}
			if offset += int64(len(page)); len(page) == 0 || offset >= total {
				return
			}
		}
	}
}

// GetUploadSignature calls POST /tcb/getuploadsignature: the headers of an
// upload of exactly the body whose SHA-256 is given in lower-case hex, good for
// five minutes. UploadFunction makes the whole upload.
func (c *Client) GetUploadSignature(ctx context.Context, hashedPayload string) (http.Header, error) {
	var answer GetUploadSignatureResponse
	if err := c.call(ctx, tcbRoute("getuploadsignature"), GetUploadSignatureRequest{HashedPayload: &hashedPayload}, &answer); err != nil {
		return nil, err
	}
	header := http.Header{}
	for line := range strings.SplitSeq(answer.Headers, "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, &AnswerError{Interface: "getuploadsignature", Status: http.StatusOK, Reason: "has a header line without a colon"}
		}
		header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return header, nil
}

// ComponentToken calls POST /cgi-bin/component/api_component_token: a new
// component_access_token for the platform's secret and current verify ticket.
// It needs no Tokens.
func (c *Client) ComponentToken(ctx context.Context, appid, secret, ticket string) (ComponentTokenResponse, error) {
	var answer ComponentTokenResponse
	err := c.call(ctx, route{path: "/cgi-bin/component/api_component_token"}, ComponentTokenRequest{
		ComponentAppID: &appid, ComponentAppSecret: &secret, ComponentVerifyTicket: &ticket,
	}, &answer)
	return answer, err
}

// CreatePreAuthCode calls POST /cgi-bin/component/api_create_preauthcode with
// the platform's token.
func (c *Client) CreatePreAuthCode(ctx context.Context, appid string) (PreAuthCodeResponse, error) {
	var answer PreAuthCodeResponse
	err := c.call(ctx, componentRoute("api_create_preauthcode"), PreAuthCodeRequest{ComponentAppID: &appid}, &answer)
	return answer, err
}

// QueryAuth calls POST /cgi-bin/component/api_query_auth with the platform's
// token: what a merchant's consent gives, once for each authorization code.
func (c *Client) QueryAuth(ctx context.Context, appid, authorizationCode string) (AuthorizationInfo, error) {
	var answer QueryAuthResponse
	err := c.call(ctx, componentRoute("api_query_auth"), QueryAuthRequest{ComponentAppID: &appid, AuthorizationCode: &authorizationCode}, &answer)
	return answer.AuthorizationInfo, err
}

// AuthorizerToken calls POST /cgi-bin/component/api_authorizer_token with the
// platform's token: a new authorizer_access_token for a Mini Program.
func (c *Client) AuthorizerToken(ctx context.Context, appid, authorizer, refreshToken string) (AuthorizerTokenResponse, error) {
	var answer AuthorizerTokenResponse
	err := c.call(ctx, componentRoute("api_authorizer_token"), AuthorizerTokenRequest{
		ComponentAppID: &appid, AuthorizerAppID: &authorizer, AuthorizerRefreshToken: &refreshToken,
	}, &answer)
	return answer, err
}

// getPermission is the answer of a get, all of whose members are promised.
type getPermission struct{ UseCloudAccessTokenResponse }

func (r *getPermission) lacks() string {
	switch {
	case r.APIWhitelist == nil:
		return "api_whitelist"
	case r.Version == nil:
		return "version"
	}
	return ""
}

func lackedOf(members ...string) string {
	for i := 0; i < len(members); i += 2 {
		if members[i+1] == "" {
			return members[i]
		}
	}
	return ""
}

func (r *GetCodeSecretResponse) lacks() string { return lackedOf("codesecret", r.CodeSecret) }
func (r *DownloadFunctionResponse) lacks() string {
	return lackedOf("url", r.URL, "checksum", r.Checksum)
}
func (r *GetUploadSignatureResponse) lacks() string { return lackedOf("headers", r.Headers) }
func (r *ComponentTokenResponse) lacks() string {
	return lackedOf("component_access_token", r.ComponentAccessToken, "expires_in", positive(r.ExpiresIn))
}
func (r *PreAuthCodeResponse) lacks() string { return lackedOf("pre_auth_code", r.PreAuthCode) }
func (r *QueryAuthResponse) lacks() string {
	a := r.AuthorizationInfo
	return lackedOf("authorizer_appid", a.AuthorizerAppID, "authorizer_access_token", a.AuthorizerAccessToken,
		"authorizer_refresh_token", a.AuthorizerRefreshToken)
}
func (r *AuthorizerTokenResponse) lacks() string {
	return lackedOf("authorizer_access_token", r.AuthorizerAccessToken, "expires_in", positive(r.ExpiresIn))
}

// positive is "" for a number that cannot be a life time.
func positive(n int64) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprint(n)
}
