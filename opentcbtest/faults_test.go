package opentcbtest_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/opentcbtest"
	"github.com/opentcb/opentcb/tcb"
)

var update = flag.Bool("update", false, "write the table of docs/testing.md anew")

// method is a method of the client that meets faults, and the interface that it calls.
type method struct {
	name, iface string
	call        func(ctx context.Context, b *stand, n int) error
}

// stand is a server with what the methods need. n of a method's call is new each time.
type stand struct {
	*opentcbtest.Server
	t          *testing.T
	own, owner *tcb.Client // of the Mini Program and of the platform
	zip        []byte
	rid        string // of a failed call
	version    int64  // of the environment's permission
}

const (
	platform = opentcbtest.DefaultPlatform
	appid    = opentcbtest.DefaultAppID
	env      = opentcbtest.DefaultEnv
)

func second[T any](_ T, err error) error { return err }

// methods are all of the client's.
var methods = []method{
	{"ComponentToken", "api_component_token", func(ctx context.Context, s *stand, _ int) error {
		return second(s.owner.ComponentToken(ctx, platform, "secret-of-"+platform, s.Ticket(platform)))
	}},
	{"CreatePreAuthCode", "api_create_preauthcode", func(ctx context.Context, s *stand, _ int) error {
		return second(s.owner.CreatePreAuthCode(ctx, platform))
	}},
	{"QueryAuth", "api_query_auth", func(ctx context.Context, s *stand, _ int) error {
		return second(s.owner.QueryAuth(ctx, platform, s.Authorize(platform, appid)))
	}},
	{"AuthorizerToken", "api_authorizer_token", func(ctx context.Context, s *stand, _ int) error {
		return second(s.owner.AuthorizerToken(ctx, platform, appid, s.RefreshToken(platform, appid)))
	}},
	{"AuthorizerInfo", "api_get_authorizer_info", func(ctx context.Context, s *stand, _ int) error {
		return second(s.owner.AuthorizerInfo(ctx, platform, appid))
	}},
	{"AuthorizerList", "api_get_authorizer_list", func(ctx context.Context, s *stand, _ int) error {
		_, _, err := s.owner.AuthorizerList(ctx, platform, 0, 10)
		return err
	}},
	{"GetCodeSecret", "getcodesecret", func(ctx context.Context, s *stand, _ int) error {
		return second(s.own.GetCodeSecret(ctx))
	}},
	{"GetCloudAccessToken", "usecloudaccesstoken", func(ctx context.Context, s *stand, _ int) error {
		return second(s.own.GetCloudAccessToken(ctx, env))
	}},
	{"SetCloudAccessToken", "usecloudaccesstoken", func(ctx context.Context, s *stand, n int) error {
		p := tcb.Permission{Open: true, APIWhitelist: []string{fmt.Sprint("/wxa/", n)}, Version: s.version}
		return s.own.SetCloudAccessToken(ctx, env, p)
	}},
	{"CreateFunction", "createfunction", func(ctx context.Context, s *stand, n int) error {
		return s.own.CreateFunction(ctx, env, fmt.Sprint("f", n))
	}},
	{"ListFunctions", "listfunctions", func(ctx context.Context, s *stand, _ int) error {
		_, _, err := s.own.ListFunctions(ctx, env, 0, 10)
		return err
	}},
	{"AllFunctions", "listfunctions", func(ctx context.Context, s *stand, _ int) error {
		for _, err := range s.own.AllFunctions(ctx, env) {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"GetUploadSignature", "getuploadsignature", func(ctx context.Context, s *stand, _ int) error {
		return second(s.own.GetUploadSignature(ctx, strings.Repeat("0", 64)))
	}},
	{"UploadFunction", "upload", func(ctx context.Context, s *stand, _ int) error {
		upload := tcb.CodeUpload{Env: env, Function: "first", Handler: "index.main"}
		return second(s.own.UploadFunction(ctx, upload, bytes.NewReader(s.zip)))
	}},
	{"GetFunctionLink", "downloadfunction", func(ctx context.Context, s *stand, _ int) error {
		return second(s.own.GetFunctionLink(ctx, env, "first"))
	}},
	{"DownloadFunction", "link", func(ctx context.Context, s *stand, n int) error {
		file := filepath.Join(s.t.TempDir(), fmt.Sprint(n, ".zip"))
		return second(s.own.DownloadFunction(ctx, env, "first", file, tcb.CodeDownload{}))
	}},
	{"UploadFuncConfig", "uploadfuncconfig", func(ctx context.Context, s *stand, _ int) error {
		return s.own.UploadFuncConfig(ctx, env, "first", tcb.FuncConfigTriggers, `{"triggers":[]}`)
	}},
	{"GetFuncConfig", "getfuncconfig", func(ctx context.Context, s *stand, _ int) error {
		return second(s.own.GetFuncConfig(ctx, env, "first", tcb.FuncConfigTriggers))
	}},
	{"InvokeCloudFunction", "invokecloudfunction", func(ctx context.Context, s *stand, _ int) error {
		return second(s.own.InvokeCloudFunction(ctx, env, "first", nil))
	}},
	{"Quota", "quota_get", func(ctx context.Context, s *stand, _ int) error {
		return second(s.own.Quota(ctx, "/tcb/getcodesecret"))
	}},
	{"ClearQuota", "clear_quota", func(ctx context.Context, s *stand, _ int) error { return s.own.ClearQuota(ctx, appid) }},
	{"ClearQuotaBySecret", "clear_quota_v2", func(ctx context.Context, s *stand, _ int) error {
		return s.owner.ClearQuotaBySecret(ctx, platform, "secret-of-"+platform)
	}},
	{"FailedCall", "rid_get", func(ctx context.Context, s *stand, _ int) error {
		return second(s.own.FailedCall(ctx, s.rid))
	}},
}

// met are the faults, once each.
var met = []struct {
	name  string
	fault opentcbtest.Fault
}{
	{"errcode -1", opentcbtest.Fault{ErrCode: -1}},
	{"status 502", opentcbtest.Fault{Status: 502}},
	{"delay", opentcbtest.Fault{Delay: 20 * time.Millisecond}},
	{"cut", opentcbtest.Fault{Cut: new(int)}},
	{"reset", opentcbtest.Fault{Reset: true}},
	{"stall", opentcbtest.Fault{Stall: true}},
	{"lose_answer", opentcbtest.Fault{LoseAnswer: true}},
	{"expire", opentcbtest.Fault{Expire: true}},
	{"alter", opentcbtest.Fault{Alter: true}},
}

func newStand(t *testing.T) *stand {
	t.Helper()
	srv := opentcbtest.New(t, opentcbtest.World{Functions: []opentcbtest.Function{{Env: env, Name: "first"}}})
	s := &stand{Server: srv, t: t, own: srv.Client(platform, appid), owner: srv.PlatformClient(platform)}
	var zip bytes.Buffer
	err := tcb.ZipFolder(&zip, "testdata/hello", tcb.ZipOptions{})
	if err == nil {
		s.zip = zip.Bytes()
		_, err = s.own.UploadFunction(t.Context(), tcb.CodeUpload{Env: env, Function: "first", Handler: "index.main"}, &zip)
	}
	if err == nil {
		err = s.own.UploadFuncConfig(t.Context(), env, "first", tcb.FuncConfigTriggers, `{"triggers":[]}`)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.own.ListFunctions(t.Context(), "none-at-all", 0, 1)
	if e, ok := errors.AsType[*tcb.Error](err); ok {
		s.rid = e.RID
	}
	return s
}

// look reads the environment's permission.
func (s *stand) look() {
	s.t.Helper()
	p, err := s.own.GetCloudAccessToken(s.t.Context(), env)
	if err != nil {
		s.t.Fatal(err)
	}
	s.version = p.Version
}

// said is what a method said, in few words.
func said(err error) string {
	refused, isRefused := errors.AsType[*tcb.Error](err)
	odd, isOdd := errors.AsType[*tcb.AnswerError](err)
	upload, isUpload := errors.AsType[*tcb.CodeError](err)
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, context.DeadlineExceeded):
		return "time over"
	case errors.Is(err, tcb.ErrChecksum):
		return "ErrChecksum"
	case isRefused:
		return "errcode " + refused.Code.String()
	case isUpload:
		return upload.Code
	case isOdd:
		return fmt.Sprint("status ", odd.Status)
	}
	return "broken off"
}

// meet has a method meet a fault once, and tells what it said after how many calls.
func (s *stand) meet(m method, f opentcbtest.Fault, n int) string {
	s.ClearFaults()
	s.look()
	f.Interface, f.Times = m.iface, 1
	s.Fault(f)
	s.ClearJournal()
	patience := 5 * time.Minute
	if f.Stall {
		patience = 300 * time.Millisecond
	}
	got := ""
	for ; !s.hasActed(); patience *= 2 { // a machine may be too slow for the first
		ctx, cancel := context.WithTimeout(s.t.Context(), patience)
		got = said(m.call(ctx, s, n))
		cancel()
	}
	// A call that stalls stands in the journal once the server sees that nobody waits.
	s.WaitFor(s.t, opentcbtest.Filter{Interface: m.iface}, 1)
	if calls := len(s.Journal(opentcbtest.Filter{Interface: m.iface})); calls > 1 {
		got += fmt.Sprintf(", %d calls", calls)
	}
	return got
}

// hasActed reports whether the fault has acted.
func (s *stand) hasActed() bool {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.AdminURL+"/v1/faults", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.AdminToken)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return bytes.Contains(text, []byte(`"hits":1`))
}

// applies reports whether a fault can be done to an interface.
func applies(f opentcbtest.Fault, iface string) bool {
	hasToken := !slices.Contains([]string{"api_component_token", "clear_quota_v2"}, iface)
	return (!f.Alter || iface == "link") && (!f.Expire || hasToken)
}

// TestClientMeetsFaults: what each method of the client says when its call meets each
// fault once, and how many calls it makes. docs/testing.md has the table.
//
// Proves: FA-2
func TestClientMeetsFaults(t *testing.T) {
	client := reflect.TypeFor[*tcb.Client]()
	for i := range client.NumMethod() {
		name := client.Method(i).Name
		if !slices.ContainsFunc(methods, func(m method) bool { return m.name == name }) {
			t.Errorf("no fault meets the client's method %s", name)
		}
	}
	rows := make([]string, len(methods))
	t.Run("methods", func(t *testing.T) {
		for i, m := range methods {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				s := newStand(t)
				s.look()
				plain := said(m.call(t.Context(), s, 0))
				row := "| `" + m.name + "` |"
				for n, f := range met {
					cell := "–"
					if applies(f.fault, m.iface) {
						cell = s.meet(m, f.fault, n+1)
					}
					if plain != "ok" {
						cell = strings.Replace(cell, plain, "as ever", 1)
					}
					row += " " + cell + " |"
				}
				rows[i] = row + "\n"
			})
		}
	})
	head, rule := "| method |", "|---|"
	for _, f := range met {
		head += " " + f.name + " |"
		rule += "---|"
	}
	compareTable(t, head+"\n"+rule+"\n"+strings.Join(rows, ""))
}

// The lines of the page around the table.
const (
	tablePage  = "../docs/testing.md"
	tableBegin = "<!-- made by: go test ./opentcbtest -run TestClientMeetsFaults -update -->\n"
	tableEnd   = "<!-- the end of the table -->\n"
)

// compareTable holds the table of the page against what was seen.
func compareTable(t *testing.T, table string) {
	t.Helper()
	text, err := os.ReadFile(tablePage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	is, after, ended := strings.Cut(rest, tableEnd)
	switch {
	case !ok || !ended:
		t.Fatalf("%s has no table", tablePage)
	case *update:
		if err := os.WriteFile(tablePage, []byte(before+tableBegin+table+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case is != table:
		t.Errorf("%s has\n%s, and was seen\n%s", tablePage, is, table)
	}
}
