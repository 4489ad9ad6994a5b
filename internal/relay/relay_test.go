package relay

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/push"
	"github.com/opentcb/opentcb/tcb"
)

const (
	platform = "wx00000000000000c1"
	mini     = "wx00000000000000a1"
	bearer   = "a-bearer-of-this-test"
	sealKey  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

var from = tcb.EventKey{Token: "fromtoken", EncodingAESKey: strings.Repeat("f", 43)}

// receiver is an event address to which is passed on.
type receiver struct {
	url string
	key tcb.EventKey

	mu   sync.Mutex
	got  []tcb.Event
	down bool
}

func newReceiver(t *testing.T, letter string) *receiver {
	t.Helper()
	r := &receiver{key: tcb.EventKey{Token: "token" + letter, EncodingAESKey: strings.Repeat(letter, 43)}}
	h, err := tcb.NewEventHandler(platform, []tcb.EventKey{r.key}, tcb.OnEvent(func(_ context.Context, e tcb.Event) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.down {
			return context.DeadlineExceeded
		}
		r.got = append(r.got, e)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h.ServeHTTP(w, req)
		r.mu.Lock()
		defer r.mu.Unlock()
		if n := len(r.got); n > 0 && !r.down { // as silenceper's, which sends back what came
			_, _ = io.WriteString(w, r.got[n-1].ComponentVerifyTicket+r.got[n-1].AuthorizationCode)
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL + "/events"
	return r
}

func (r *receiver) setDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// kinds are the kinds of what has come.
func (r *receiver) kinds() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, e := range r.got {
		all = append(all, e.InfoType)
	}
	return strings.Join(all, " ")
}

// rig is a relay that listens.
type rig struct {
	t         *testing.T
	dir, url  string
	log       bytes.Buffer
	receivers []*receiver
}

// start starts a relay from a file, in a folder.
func start(t *testing.T, dir string, sealed bool, to ...*receiver) *rig {
	t.Helper()
	file := filepath.Join(t.TempDir(), "relay.yaml")
	text := "from: {token: {value: " + from.Token + "}, aes_key: {value: " + from.EncodingAESKey + "}}\n" +
		"bearer: {value: " + bearer + "}\nto:\n"
	if sealed {
		text = "seal_key: {value: " + sealKey + "}\n" + text
	}
	for _, r := range to {
		text += "  - url: " + r.url + "\n    token: {value: " + r.key.Token + "}\n    aes_key: {value: " + r.key.EncodingAESKey + "}\n"
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := ReadConfig(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	rig := &rig{t: t, dir: dir, receivers: to}
	r, err := New(cfg, platform, dir, slog.New(slog.NewTextHandler(&rig.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	rig.url = server.URL
	t.Cleanup(func() {
		server.Close()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		for _, secret := range []string{"the-ticket", "the-code"} {
			if strings.Contains(rig.log.String(), secret) {
				t.Errorf("%s stands in the log", secret)
			}
		}
	})
	return rig
}

// push pushes an event as a platform does.
func (rig *rig) push(e tcb.Event) (int, string) {
	rig.t.Helper()
	k, err := push.NewKey(from.Token, from.EncodingAESKey)
	if err != nil {
		rig.t.Fatal(err)
	}
	sealed := push.NewEnvelope(k, rand.Reader, platform, e.XML(), time.Now())
	return rig.call(http.MethodPost, sealed.URL(k, "/events"), "", sealed.Body())
}

func (rig *rig) pushed(e tcb.Event) {
	rig.t.Helper()
	if status, answer := rig.push(e); status != 200 || answer != "success" {
		rig.t.Fatalf("a push was answered %d %q", status, answer)
	}
}

func (rig *rig) call(method, path, bearer string, body []byte) (int, string) {
	rig.t.Helper()
	req, err := http.NewRequest(method, rig.url+path, bytes.NewReader(body))
	if err != nil {
		rig.t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		rig.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		rig.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// deliveries lists what is in a state; "" is all.
func (rig *rig) deliveries(state string) (all []listed) {
	rig.t.Helper()
	status, text := rig.call("GET", "/deliveries?state="+state, bearer, nil)
	var list struct{ Deliveries []listed }
	if err := json.Unmarshal([]byte(text), &list); status != 200 || err != nil {
		rig.t.Fatalf("the list is %d %s, %v", status, text, err)
	}
	for _, secret := range []string{"the-ticket", "the-code"} {
		if strings.Contains(text, secret) {
			rig.t.Errorf("%s stands in the list", secret)
		}
	}
	return list.Deliveries
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func eventOf(kind string, at int64) tcb.Event {
	e := tcb.Event{AppID: platform, CreateTime: time.Unix(at, 0), InfoType: kind}
	switch kind {
	case tcb.EventTicket:
		e.ComponentVerifyTicket = "the-ticket"
	case tcb.EventAuthorized:
		e.AuthorizationCode, e.CodeExpires = "the-code", time.Unix(at+3600, 0)
		fallthrough
	default:
		e.AuthorizerAppID = mini
	}
	return e
}

// TestRelay passes a ticket and an event on to two addresses with keys of their own,
// and hands out the ticket.
// Proves: PU-14
func TestRelay(t *testing.T) {
	a, b := newReceiver(t, "a"), newReceiver(t, "b")
	rig := start(t, t.TempDir(), true, a, b)
	if status, _ := rig.call("GET", "/ticket", bearer, nil); status != 404 {
		t.Errorf("before the first ticket: %d", status)
	}
	rig.pushed(eventOf(tcb.EventTicket, 1790000000))
	rig.pushed(eventOf(tcb.EventAuthorized, 1790000001))
	eventually(t, "passed on", func() bool { return len(rig.deliveries(delivered)) == 4 })
	for _, r := range rig.receivers {
		if r.kinds() != "component_verify_ticket authorized" || r.got[0].ComponentVerifyTicket != "the-ticket" ||
			r.got[1].AuthorizationCode != "the-code" || !bytes.Equal(r.got[1].Message, eventOf(tcb.EventAuthorized, 1790000001).XML()) {
			t.Errorf("%s got %+v", r.url, r.got)
		}
	}
	older := eventOf(tcb.EventTicket, 1780000000)
	older.ComponentVerifyTicket = "an-older-one"
	rig.pushed(older)
	if status, text := rig.call("GET", "/ticket", bearer, nil); status != 200 || !strings.Contains(text, `"the-ticket"`) {
		t.Errorf("the ticket: %d %s", status, text)
	}
	for _, path := range []string{"GET /ticket", "GET /deliveries", "POST /deliveries/1/again"} {
		method, path, _ := strings.Cut(path, " ")
		for _, false := range []string{"", "another", bearer + "x"} {
			if status, text := rig.call(method, path, false, nil); status != 401 || strings.Contains(text, "the-") {
				t.Errorf("%s %s with %q: %d %s", method, path, false, status, text)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(rig.dir, folder, "*.json"))
	if err != nil || len(files) != 3 {
		t.Fatalf("files: %q, %v", files, err)
	}
	for _, file := range files {
		info, _ := os.Stat(file)
		text, err := os.ReadFile(file)
		if err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(string(text), "s1.") {
			t.Errorf("%s has mode %v, and is %q, %v", file, info.Mode(), text, err)
		}
	}
}

// TestAgain sends one again, to the address that is named, unless a newer one has
// followed.
func TestAgain(t *testing.T) {
	a, b := newReceiver(t, "a"), newReceiver(t, "b")
	rig := start(t, t.TempDir(), false, a, b)
	rig.pushed(eventOf(tcb.EventAuthorized, 1790000000))
	eventually(t, "passed on", func() bool { return len(rig.deliveries(delivered)) == 2 })
	id := rig.deliveries("")[0].ID
	if status, text := rig.call("POST", "/deliveries/"+id+"/again?url="+a.url, bearer, nil); status != 204 {
		t.Errorf("again: %d %s", status, text)
	}
	eventually(t, "passed on again", func() bool { return a.kinds() == "authorized authorized" })
	rig.pushed(eventOf(tcb.EventUnauthorized, 1790000001))
	if status, _ := rig.call("POST", "/deliveries/"+id+"/again", bearer, nil); status != 409 {
		t.Errorf("what was followed is sent again: %d", status)
	}
	if status, _ := rig.call("POST", "/deliveries/0/again", bearer, nil); status != 404 {
		t.Errorf("what is not there is sent again: %d", status)
	}
	eventually(t, "passed on", func() bool { return b.kinds() == "authorized unauthorized" })
	rig.pushed(eventOf(tcb.EventAuthorized, 1780000000)) // overtaken, also once the newer is forgotten
	files, err := filepath.Glob(filepath.Join(rig.dir, folder, "*.json"))
	if err != nil || len(files) != 3 {
		t.Fatalf("files: %q, %v", files, err)
	}
	if text, err := os.ReadFile(files[2]); err != nil || strings.Count(string(text), `"state":"superseded"`) != 2 {
		t.Errorf("what was overtaken is kept as %s, %v", text, err)
	}
}

// TestAgainMeanwhile: what is asked for again while it is being sent is sent once more.
func TestAgainMeanwhile(t *testing.T) {
	a := newReceiver(t, "a")
	got, answer := make(chan struct{}, 10), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		got <- struct{}{}
		<-answer
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	rig := start(t, t.TempDir(), false, a)
	rig.pushed(eventOf(tcb.EventAuthorized, 1790000000))
	<-got
	if status, text := rig.call("POST", "/deliveries/"+rig.deliveries("")[0].ID+"/again", bearer, nil); status != 204 {
		t.Errorf("again: %d %s", status, text)
	}
	close(answer)
	select {
	case <-got:
	case <-time.After(time.Minute):
		t.Error("it is not sent again")
	}
	eventually(t, "delivered", func() bool { return len(rig.deliveries(delivered)) == 1 })
}

// TestDown: what an address did not take it gets after a kill, a newer event in place
// of the older; the other address does not wait.
// Proves: PU-11, PU-12
func TestDown(t *testing.T) {
	a, b := newReceiver(t, "a"), newReceiver(t, "b")
	a.setDown(true)
	rig := start(t, t.TempDir(), true, a, b)
	rig.pushed(eventOf(tcb.EventAuthorized, 1790000000))
	rig.pushed(eventOf(tcb.EventUnauthorized, 1790000001))
	rig.pushed(eventOf(tcb.EventAuthorized, 1780000000)) // overtaken
	rig.pushed(eventOf(tcb.EventTicket, 1790000002))
	eventually(t, "tried", func() bool {
		tried := 0
		for _, d := range rig.deliveries(waiting) {
			tried += min(d.Tries, 1)
		}
		kinds := b.kinds()
		return tried == 2 && strings.Contains(kinds, tcb.EventTicket) && strings.Contains(kinds, tcb.EventUnauthorized)
	})
	if before, _, _ := strings.Cut(b.kinds(), "unauthorized"); strings.Contains(b.kinds()[len(before)+1:], " authorized") {
		t.Errorf("the other address got %s", b.kinds())
	}
	killed := t.TempDir() // what is on the disk now
	files, err := filepath.Glob(filepath.Join(rig.dir, folder, "*.json"))
	if err != nil || os.Mkdir(filepath.Join(killed, folder), 0o700) != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(killed, folder, filepath.Base(file)), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	again := start(t, killed, true, a)
	a.setDown(false)
	eventually(t, "delivered", func() bool { return len(again.deliveries(delivered)) == 2 })
	if kinds := a.kinds(); strings.Contains(" "+kinds, " authorized") {
		t.Errorf("the address got %s", kinds)
	}
	if n := len(again.deliveries(superseded)); n != 2 { // the older, and the overtaken
		t.Errorf("%d are superseded, want 2", n)
	}
	if status, text := again.call("GET", "/ticket", bearer, nil); status != 200 || !strings.Contains(text, "the-ticket") {
		t.Errorf("the ticket: %d %s", status, text)
	}
}

// TestNotStored: what cannot be stored is not answered success, nor passed on.
func TestNotStored(t *testing.T) {
	a := newReceiver(t, "a")
	rig := start(t, t.TempDir(), false, a)
	if err := os.RemoveAll(filepath.Join(rig.dir, folder)); err != nil {
		t.Fatal(err)
	}
	if status, text := rig.push(eventOf(tcb.EventTicket, 1790000000)); status != 500 || strings.Contains(text, "success") {
		t.Errorf("it was answered %d %q", status, text)
	}
	if status, _ := rig.call("GET", "/ticket", bearer, nil); status != 404 || len(rig.deliveries("")) != 0 {
		t.Errorf("the ticket: %d, deliveries: %+v", status, rig.deliveries(""))
	}
	if a.kinds() != "" {
		t.Errorf("passed on: %s", a.kinds())
	}
}

// TestConfig: what is wrong with a file is said, and no secret shown.
func TestConfig(t *testing.T) {
	const pair = "token: {value: hushhush}, aes_key: {value: hushhushhushhushhushhushhushhushhushhushhus}"
	const to = "to: [{url: http://127.0.0.1:1/e, " + pair + "}]\n"
	for text, want := range map[string]string{
		"from: {" + pair + "}\n" + to:                                                           "needs bearer",
		"from: {" + pair + "}\nbearer: {value: short}\n" + to:                                   "at least 16 characters",
		"from: {" + pair + "}\nbearer: {value: " + bearer + "}\nto: []\n":                       "1 to 64 addresses",
		"from: {" + pair + "}\nbearer: {value: " + bearer + "}\nto: [{}]\n":                     "needs url",
		"seal_key: {value: hush}\nfrom: {" + pair + "}\nbearer: {value: " + bearer + "}\n" + to: "32 bytes in base64",
	} {
		file := filepath.Join(t.TempDir(), "relay.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadConfig(t.Context(), file)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
