package tcb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/opentcb/opentcb/tcb"
)

// A client with a token that was obtained elsewhere.
func ExampleClient() {
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok","open":true,"api_whitelist":["/wxa/msg_sec_check"],"version":2}`)
	}))
	defer platform.Close()
	client := &tcb.Client{BaseURL: platform.URL, Tokens: tcb.StaticToken("an authorizer_access_token")}
	permission, err := client.GetCloudAccessToken(context.Background(), "test-777bb9")
	fmt.Println(permission.Open, permission.APIWhitelist, permission.Version, err)
	// Output: true [/wxa/msg_sec_check] 2 <nil>
}

// Refusals are told apart by their code.
func ExampleError() {
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"errcode":61007,"errmsg":"api is unauthorized to component rid: 6b0130a1-723fba1d-94482f77"}`)
	}))
	defer platform.Close()
	client := &tcb.Client{BaseURL: platform.URL, Tokens: tcb.StaticToken("t")}
	_, err := client.GetCodeSecret(context.Background())
	if errors.Is(err, tcb.ErrMissingPermission) {
		fmt.Println(err)
	}
	// Output: getcodesecret: errcode 61007: api is unauthorized to component (rid 6b0130a1-723fba1d-94482f77)
}

// A platform's tokens renew themselves, and so do those of a Mini Program,
// which are obtained with them. Processes share them through files.
func ExampleTokens() {
	ctx := context.Background()
	secret := func(context.Context) (string, error) { return os.Getenv("COMPONENT_APPSECRET"), nil }
	ticket := func(context.Context) (string, error) { // as the platform pushed it last
		text, err := os.ReadFile("/run/component_verify_ticket")
		return strings.TrimSpace(string(text)), err
	}
	refresh := func(context.Context) (string, error) { return os.Getenv("REFRESH_TOKEN"), nil }

	owner := &tcb.Client{Tokens: tcb.ComponentTokens(&tcb.Client{}, "wxPLATFORM", secret, ticket,
		tcb.InStore(tcb.FileStore{Path: "platform.token"}))}
	client := &tcb.Client{Tokens: tcb.AuthorizerTokens(owner, "wxPLATFORM", "wxMINIPROGRAM", refresh,
		tcb.InStore(tcb.FileStore{Path: "miniprogram.token"}))}
	key, err := client.GetCodeSecret(ctx)
	_, _ = key, err
}

// A folder becomes a function's code, and comes back verified.
func ExampleClient_UploadFunction() {
	ctx := context.Background()
	client := &tcb.Client{Tokens: tcb.StaticToken(os.Getenv("TOKEN"))}
	zip, to := io.Pipe()
	go func() { to.CloseWithError(tcb.ZipFolder(to, "functions/login", tcb.ZipOptions{NodeModules: true})) }()
	upload := tcb.CodeUpload{Env: "test-777bb9", Function: "login", Handler: "index.main"}
	checksum, err := client.UploadFunction(ctx, upload, zip)
	if err != nil {
		fmt.Println(err)
		return
	}
	got, err := client.DownloadFunction(ctx, "test-777bb9", "login", "login.zip", tcb.CodeDownload{})
	fmt.Println(got == checksum, err)
}

// A platform's event address: it keeps the verify ticket, from which the platform's
// token comes, and is told of merchants who consent.
func ExampleEventHandler() {
	appid, token, aesKey := "wxPLATFORM", os.Getenv("EVENT_TOKEN"), os.Getenv("EVENT_AES_KEY")
	secret := func(context.Context) (string, error) { return os.Getenv("COMPONENT_APPSECRET"), nil }
	authorized := func(_ context.Context, appid, code string) error {
		fmt.Println("a merchant consented:", appid, code)
		return nil
	}

	tickets := tcb.TicketStore{In: tcb.FileStore{Path: "ticket"}}
	events, err := tcb.NewEventHandler(appid, []tcb.EventKey{{Token: token, EncodingAESKey: aesKey}},
		tcb.KeepTickets(tickets), tcb.OnEvent(func(ctx context.Context, e tcb.Event) error {
			if e.InfoType == tcb.EventAuthorized {
				return authorized(ctx, e.AuthorizerAppID, e.AuthorizationCode)
			}
			return nil
		}))
	http.Handle("/wechat/events", events)
	owner := &tcb.Client{Tokens: tcb.ComponentTokens(&tcb.Client{}, appid, secret, tickets.Ticket)}

	_, _ = owner, err
}

// A refusal is told by its kind.
func ExampleAuthorizerTokens() {
	ctx, owner, platform, appid, env := context.Background(), &tcb.Client{}, "wxPLATFORM", "wxMINIPROGRAM", "test-777bb9"
	refreshToken := func(context.Context) (string, error) { return os.Getenv("REFRESH_TOKEN"), nil }

	client := &tcb.Client{Tokens: tcb.AuthorizerTokens(owner, platform, appid, refreshToken)}
	permission, err := client.GetCloudAccessToken(ctx, env)
	if errors.Is(err, tcb.ErrMissingPermission) {
		fmt.Println("the merchant has granted neither permission set 49 nor 64")
	}

	_ = permission
}
