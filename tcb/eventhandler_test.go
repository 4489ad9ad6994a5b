package tcb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/push"
)

const (
	eventPlatform = "wx00000000000000c1"
	eventMini     = "wx00000000000000a1"
)

var (
	oldKey = EventKey{"oldtoken", strings.Repeat("a", 43)}
	newKey = EventKey{"newtoken", strings.Repeat("b", 43)}
)

// eventRig is an event address that listens, and what came to it.
type eventRig struct {
	t   *testing.T
	url string
	log bytes.Buffer

	mu   sync.Mutex
	got  []Event
	fail error
}

func listenForEvents(t *testing.T, keys []EventKey, options ...EventOption) *eventRig {
	t.Helper()
	rig := &eventRig{t: t}
	options = append(options, LogTo(slog.New(slog.NewTextHandler(&rig.log, nil))),
		OnEvent(func(_ context.Context, e Event) error {
			rig.mu.Lock()
			defer rig.mu.Unlock()
			rig.got = append(rig.got, e)
			return rig.fail
		}))
	h, err := NewEventHandler(eventPlatform, keys, options...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	rig.url = server.URL
	return rig
}

// send pushes a message, sealed by a key for an appid.
func (rig *eventRig) send(key EventKey, appid string, message []byte) (int, string) {
	rig.t.Helper()
	k, err := push.NewKey(key.Token, key.EncodingAESKey)
	if err != nil {
		rig.t.Fatal(err)
	}
	e := push.Envelope{AppID: appid, Timestamp: "1790000000", Nonce: "123456789", Encrypt: k.Seal("0123456789abcdef", appid, message)}
	return rig.post(e.Query(k), e.Body())
}

func (rig *eventRig) post(query string, body []byte) (int, string) {
	rig.t.Helper()
	resp, err := http.Post(rig.url+"/?"+query, "text/xml", bytes.NewReader(body))
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

func someEvent() Event {
	return Event{
		AppID: eventPlatform, CreateTime: time.Unix(1790000000, 0), InfoType: EventAuthorized, AuthorizerAppID: eventMini,
		AuthorizationCode: "queryauthcode@@@x", CodeExpires: time.Unix(1790003600, 0), PreAuthCode: "preauthcode@@@y",
	}
}

// TestEventXML writes an event as WeChat does, and reads it again.
// Proves: PU-6
func TestEventXML(t *testing.T) {
	want := "<xml><AppId><![CDATA[wx00000000000000c1]]></AppId>\n<CreateTime>1790000000</CreateTime>\n" +
		"<InfoType><![CDATA[authorized]]></InfoType>\n<AuthorizerAppid><![CDATA[wx00000000000000a1]]></AuthorizerAppid>\n" +
		"<AuthorizationCode><![CDATA[queryauthcode@@@x]]></AuthorizationCode>\n" +
		"<AuthorizationCodeExpiredTime><![CDATA[1790003600]]></AuthorizationCodeExpiredTime>\n" +
		"<PreAuthCode><![CDATA[preauthcode@@@y]]></PreAuthCode>\n</xml>"
	if got := string(someEvent().XML()); got != want {
		t.Errorf("the event is\n%s, want\n%s", got, want)
	}
	odd := Event{
		AppID: "a]]>b<c>&", CreateTime: time.Unix(5, 0), InfoType: EventTicket, ComponentVerifyTicket: "]]>]]>",
	}
	for _, e := range []Event{someEvent(), odd} {
		got, err := ParseEvent(e.XML())
		got.Message = nil
		if err != nil || !got.CreateTime.Equal(e.CreateTime) || string(got.XML()) != string(e.XML()) || got.AppID != e.AppID {
			t.Errorf("read again it is %+v, %v", got, err)
		}
	}
	if _, err := ParseEvent([]byte("<xml></xml>")); err == nil {
		t.Error("an event without a kind is read")
	}
}

// TestEventHandler receives what is sealed by either of two keys, and keeps the
// ticket in a file.
// Proves: PU-5, PU-6
func TestEventHandler(t *testing.T) {
	tickets := TicketStore{In: FileStore{Path: filepath.Join(t.TempDir(), "ticket")}}
	if _, err := tickets.Ticket(t.Context()); !errors.Is(err, ErrNoTicket) {
		t.Errorf("before the first ticket: %v", err)
	}
	// The AES key alone was changed as well: the token says nothing of which it is.
	between := EventKey{oldKey.Token, newKey.EncodingAESKey}
	rig := listenForEvents(t, []EventKey{oldKey, between, newKey}, KeepTickets(tickets))
	for i, key := range []EventKey{oldKey, between, newKey} {
		if status, text := rig.send(key, eventPlatform, someEvent().XML()); status != http.StatusOK || text != "success" {
			t.Errorf("key %d: %d %s", i, status, text)
		}
	}
	ticket := func(text string, at int64) {
		e := Event{AppID: eventPlatform, CreateTime: time.Unix(at, 0), InfoType: EventTicket, ComponentVerifyTicket: text}
		if status, text := rig.send(newKey, eventPlatform, e.XML()); status != http.StatusOK || text != "success" {
			t.Errorf("ticket: %d %s", status, text)
		}
	}
	ticket("ticket@@@second", 1790000600)
	ticket("ticket@@@first", 1790000000) // sent again late
	if got, err := tickets.Ticket(t.Context()); got != "ticket@@@second" || err != nil {
		t.Errorf("kept is %q, %v", got, err)
	}
	if len(rig.got) != 5 || rig.got[0].AuthorizationCode != "queryauthcode@@@x" || !rig.got[0].CodeExpires.Equal(time.Unix(1790003600, 0)) {
		t.Errorf("handled: %+v", rig.got)
	}
	if text := rig.log.String(); text != "" {
		t.Errorf("logged: %s", text)
	}
}

// TestEventHandlerRefuses: what is no push to this address changes nothing, and is
// never answered success.
// Proves: PU-5
func TestEventHandlerRefuses(t *testing.T) {
	rig := listenForEvents(t, []EventKey{newKey})
	k, err := push.NewKey(newKey.Token, newKey.EncodingAESKey)
	if err != nil {
		t.Fatal(err)
	}
	seal := func(appid, message string) push.Envelope {
		return push.Envelope{AppID: appid, Timestamp: "1790000000", Nonce: "123456789",
			Encrypt: k.Seal("0123456789abcdef", appid, []byte(message))}
	}
	good := seal(eventPlatform, string(someEvent().XML()))
	moved := good
	moved.Timestamp = "1790000001"
	for name, c := range map[string]struct {
		query string
		body  []byte
		want  string
	}{
		"another time": {moved.Query(k)[:10] + good.Query(k)[10:] + "&timestamp=1790000001", good.Body(), "timestamp once"},
		"no signature": {"timestamp=1790000000&nonce=123456789", good.Body(), "msg_signature once"},
		"false":        {good.Query(k) + "0", good.Body(), "not made with this address's token"},
		"for another":  {seal("wx00000000000000c2", "<xml/>").Query(k), seal("wx00000000000000c2", "<xml/>").Body(), "another platform"},
		"no XML":       {good.Query(k), []byte(`{"Encrypt":"x"}`), "no XML"},
		"no event":     {seal(eventPlatform, "hello").Query(k), seal(eventPlatform, "hello").Body(), "no XML"},
		"too large":    {good.Query(k), bytes.Repeat([]byte(" "), maxPush+1), "over 64 KiB"},
	} {
		status, text := rig.post(c.query, c.body)
		if status < 400 || status >= 500 || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s, want %q", name, status, text, c.want)
		}
	}
	if status, _ := rig.send(oldKey, eventPlatform, someEvent().XML()); status != http.StatusForbidden {
		t.Errorf("sealed by another key: %d", status)
	}
	if resp, err := http.Get(rig.url); err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %v %v", resp.Status, err)
	}
	if len(rig.got) != 0 {
		t.Errorf("handled: %+v", rig.got)
	}
	if strings.Contains(rig.log.String(), "queryauthcode") {
		t.Error("a code stands in the log")
	}
	for name, keys := range map[string][]EventKey{"none": nil, "short": {{"a", newKey.EncodingAESKey}}} {
		if _, err := NewEventHandler(eventPlatform, keys); err == nil {
			t.Errorf("%s: such keys are taken", name)
		}
	}
}

// TestEventAgain: what could not be handled is not answered success, and is handled
// when it comes again; what was handled is not handled again where that was asked.
// Proves: PU-10
func TestEventAgain(t *testing.T) {
	for _, c := range []struct {
		options []EventOption
		want    int
	}{{nil, 4}, {[]EventOption{OncePerEvent()}, 3}} {
		rig := listenForEvents(t, []EventKey{newKey}, c.options...)
		rig.fail = errors.New("the database of the platform is away")
		status, text := rig.send(newKey, eventPlatform, someEvent().XML())
		if status != http.StatusInternalServerError || strings.Contains(text, "database") {
			t.Errorf("failed: %d %s", status, text)
		}
		rig.fail = nil
		other := someEvent()
		other.InfoType = EventUnauthorized
		for _, e := range []Event{someEvent(), someEvent(), other} {
			if status, text := rig.send(newKey, eventPlatform, e.XML()); status != http.StatusOK || text != "success" {
				t.Errorf("again: %d %s", status, text)
			}
		}
		if len(rig.got) != c.want {
			t.Errorf("handled %d times, want %d", len(rig.got), c.want)
		}
	}
}

// TestSeen: two calls for one message do not run at a time, a panic is no success,
// and no more is remembered than asked.
func TestSeen(t *testing.T) {
	s := newSeen(2)
	id := func(n byte) (sum [32]byte) { sum[0] = n; return }
	calls := 0
	count := func() error { calls++; return nil }
	err := s.do(id(1), func() error { return s.do(id(1), count) })
	if !errors.Is(err, errBeingHandled) || calls != 0 {
		t.Errorf("at a time: %v, %d calls", err, calls)
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.do(id(1), func() error { panic("bug") })
	}()
	for n := range byte(5) {
		for range 2 {
			if err := s.do(id(n), count); err != nil {
				t.Error(err)
			}
		}
	}
	if calls != 5 || len(s.done) > 3 {
		t.Errorf("%d calls, %d remembered", calls, len(s.done))
	}
	if err := s.do(id(0), count); err != nil || calls != 6 {
		t.Errorf("what was forgotten: %v, %d calls", err, calls)
	}
}

// TestRefusalsAreTold: who has pushes refused without end does not fill the log.
func TestRefusalsAreTold(t *testing.T) {
	rig := listenForEvents(t, []EventKey{newKey})
	begin := time.Now()
	for range 50 {
		if status, _ := rig.post("", []byte("false")); status != http.StatusForbidden {
			t.Fatalf("a false push is answered %d", status)
		}
	}
	most := 1 + int(time.Since(begin)/time.Second)
	if lines := strings.Count(rig.log.String(), "a push was refused"); lines == 0 || lines > most {
		t.Errorf("%d lines, want 1 to %d", lines, most)
	}
}
