package opentcbtest_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/opentcb/opentcb/opentcbtest"
	"github.com/opentcb/opentcb/tcb"
)

func TestMine(t *testing.T) {
	srv := opentcbtest.New(t, opentcbtest.World{})
	client := srv.Client(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID)
	key, err := client.GetCodeSecret(t.Context())
	if err != nil || len(key) != 64 {
		t.Fatal(key, err)
	}
	srv.Advance(3 * time.Hour) // tokens expire: does mine renew them?
}

func TestBackend(t *testing.T) {
	const platform, appid = opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID
	srv := opentcbtest.New(t, opentcbtest.World{})
	mine := &backend{url: srv.URL, access: srv.AccessToken(platform, appid), refresh: srv.RefreshToken(platform, appid)}
	srv.Advance(3 * time.Hour)
	mine.component = srv.AccessToken(platform, "")
	if key, err := mine.codeSecret(); err != nil || len(key) != 64 {
		t.Error(key, err)
	}
}

func TestPushed(t *testing.T) {
	srv := opentcbtest.New(t, opentcbtest.World{})
	pushed := make(chan tcb.Event, 10)
	events, err := tcb.NewEventHandler(opentcbtest.DefaultPlatform,
		[]tcb.EventKey{{Token: opentcbtest.EventToken, EncodingAESKey: opentcbtest.EventAESKey}},
		tcb.OnEvent(func(_ context.Context, e tcb.Event) error { pushed <- e; return nil }))
	if err != nil {
		t.Fatal(err)
	}
	srv.Pushes(events)
	if e := <-pushed; e.ComponentVerifyTicket != srv.Ticket(opentcbtest.DefaultPlatform) {
		t.Error("no ticket came")
	}
	srv.Revoke(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID)
	if e := <-pushed; e.InfoType != tcb.EventUnauthorized {
		t.Error(e)
	}
}

func TestAgain(t *testing.T) {
	srv := opentcbtest.New(t, opentcbtest.World{})
	for name, test := range map[string]func(t *testing.T, mine *tcb.Client){
		"a token expires": func(t *testing.T, mine *tcb.Client) {
			srv.Advance(3 * time.Hour)
			if _, err := mine.GetCodeSecret(t.Context()); err != nil {
				t.Error(err)
			}
		},
		"an answer is lost": func(t *testing.T, mine *tcb.Client) {
			srv.Fault(opentcbtest.Fault{Interface: "usecloudaccesstoken", Times: 1, LoseAnswer: true})
			change := tcb.Permission{Open: true, APIWhitelist: []string{"/wxa/*"}, Version: 2}
			if err := mine.SetCloudAccessToken(t.Context(), opentcbtest.DefaultEnv, change); err == nil {
				t.Error("the answer was not lost")
			}
			if err := mine.SetCloudAccessToken(t.Context(), opentcbtest.DefaultEnv, change); err != nil {
				t.Error(err)
			}
			srv.WaitFor(t, opentcbtest.Filter{Interface: "usecloudaccesstoken"}, 2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv.Reset()
			test(t, srv.Client(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID))
		})
	}
}

func TestExpiresDuringUpload(t *testing.T) {
	srv := opentcbtest.New(t, opentcbtest.World{})
	srv.Deploy(opentcbtest.DefaultEnv, "hello", map[string]string{"index.js": "exports.main = () => 1"})
	srv.Fault(opentcbtest.Fault{Interface: "getuploadsignature", Times: 1, Expire: true})
	mine := srv.Client(opentcbtest.DefaultPlatform, opentcbtest.DefaultAppID)
	if _, err := mine.UploadFunction(t.Context(), upload, code(t)); err != nil {
		t.Error("it does not renew its token:", err)
	}
	srv.WaitFor(t, opentcbtest.Filter{Interface: "getuploadsignature"}, 2)
}

// upload and code are what the example uploads.
var upload = tcb.CodeUpload{Env: opentcbtest.DefaultEnv, Function: "hello", Handler: "index.main"}

func code(t *testing.T) *bytes.Reader {
	var zipped bytes.Buffer
	if err := tcb.ZipFolder(&zipped, "testdata/hello", tcb.ZipOptions{}); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(zipped.Bytes())
}
