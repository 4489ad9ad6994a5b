package tcb

import (
	"context"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/push"
)

// EventKey is what a platform has set for its event address: the token, 3 to 32
// letters or digits, and the EncodingAESKey, 43 letters or digits.
type EventKey struct{ Token, EncodingAESKey string }

// EventHandler is the event address of a platform: it receives what WeChat, or an
// OpenTCB, pushes. A push is verified and decrypted; a ticket is kept; Handle is
// called; and only then it is answered success. The platform sends again what is
// not answered so. NewEventHandler makes one.
type EventHandler struct {
	appid   string
	keys    []push.Key
	tickets *TicketStore
	handle  func(context.Context, Event) error
	log     *slog.Logger
	once    *seen
	refused refusals
}

// EventOption changes what NewEventHandler makes.
type EventOption func(*EventHandler)

// KeepTickets keeps each verify ticket in a store before it is answered.
func KeepTickets(in TicketStore) EventOption { return func(h *EventHandler) { h.tickets = &in } }

// OnEvent calls handle with each event, tickets too. It may call the platform, also
// with the event's code. While it runs the platform waits, five seconds at most; if
// it fails, the event comes again.
func OnEvent(handle func(context.Context, Event) error) EventOption {
	return func(h *EventHandler) { h.handle = handle }
}

// OncePerEvent does not call the handler of OnEvent again for a message for which it
// has returned nil in the last day, as far as this process remembers: the latest
// 10,000. Without it what is sent again is handled again.
func OncePerEvent() EventOption { return func(h *EventHandler) { h.once = newSeen(10_000) } }

// LogTo logs what is refused, and why: a line a second at most, since anybody can have
// pushes refused. Neither tickets nor codes are logged.
func LogTo(log *slog.Logger) EventOption { return func(h *EventHandler) { h.log = log } }

// NewEventHandler returns the event address of a platform, which is known by its
// component_appid. Several keys may count at a time, while they are changed. An
// error says what is wrong with a key.
func NewEventHandler(appid string, keys []EventKey, options ...EventOption) (*EventHandler, error) {
	h := &EventHandler{appid: appid, log: slog.New(slog.DiscardHandler)}
	if len(keys) == 0 {
		return nil, errors.New("an event handler needs a key")
	}
	for _, k := range keys {
		key, err := push.NewKey(k.Token, k.EncodingAESKey)
		if err != nil {
			return nil, err
		}
		h.keys = append(h.keys, key)
	}
	for _, option := range options {
		option(h)
	}
	return h, nil
}

// maxPush bounds the body of a push, in bytes; those that are known have under 2 KiB.
const maxPush = 64 << 10

// pushTime bounds how long the body of a push may take to arrive.
const pushTime = 10 * time.Second

// ServeHTTP receives one push.
func (h *EventHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "events are pushed by POST", http.StatusMethodNotAllowed)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(pushTime)) // where it can be set
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPush))
	if err != nil {
		h.refuse(w, http.StatusBadRequest, errors.New("the body did not arrive whole, or is over 64 KiB"))
		return
	}
	event, err := h.open(r.URL.Query(), body)
	if err != nil {
		h.refuse(w, http.StatusForbidden, err)
		return
	}
	if err := h.receive(r.Context(), event); err != nil {
		h.log.Error("an event could not be handled", "kind", event.InfoType, "appid", event.AuthorizerAppID, "err", err)
		http.Error(w, "the event could not be handled: send it again", http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, "success")
}

// refuse answers what is no push to this platform.
func (h *EventHandler) refuse(w http.ResponseWriter, status int, err error) {
	if before, ok := h.refused.tell(time.Now()); ok {
		h.log.Warn("a push was refused", "err", err, "left_out", before)
	}
	http.Error(w, err.Error(), status)
}

// refusals counts what is refused, of which little is told.
type refusals struct {
	mu      sync.Mutex
	next    time.Time // before which nothing is told
	leftOut int
}

// tell reports whether to tell of a refusal, and of how many before nothing was told.
func (r *refusals) tell(now time.Time) (leftOut int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Before(r.next) {
		r.leftOut++
		return 0, false
	}
	leftOut, r.leftOut, r.next = r.leftOut, 0, now.Add(time.Second)
	return leftOut, true
}

// open verifies and decrypts a push.
func (h *EventHandler) open(query url.Values, body []byte) (Event, error) {
	e, signature, err := push.Read(query, body)
	if err != nil {
		return Event{}, err
	}
	err = errors.New("the signature is not made with this address's token")
	for _, k := range h.keys {
		if !e.Signed(k, signature) {
			continue
		}
		message, appid, openErr := k.Open(e.Encrypt)
		switch {
		case openErr != nil: // the token may have stayed while the AES key was changed
			err = openErr
		case appid != h.appid:
			err = errors.New("the push is for another platform")
		default:
			return ParseEvent(message)
		}
	}
	return Event{}, err
}

// receive keeps a ticket and calls the handler.
func (h *EventHandler) receive(ctx context.Context, e Event) error {
	if h.tickets != nil && e.InfoType == EventTicket {
		if err := h.tickets.Put(ctx, e.ComponentVerifyTicket, e.CreateTime); err != nil {
			return err
		}
	}
	if h.handle == nil {
		return nil
	}
	if h.once == nil {
		return h.handle(ctx, e)
	}
	return h.once.do(sha256.Sum256(e.Message), func() error { return h.handle(ctx, e) })
}

// seenFor is how long a message is remembered: WeChat sends none again after a day.
const seenFor = 24 * time.Hour

// seen remembers the messages that were handled, at most so many.
type seen struct {
	most int

	mu   sync.Mutex
	done map[[sha256.Size]byte]time.Time // when it was handled; zero while it is
	old  [][sha256.Size]byte             // those handled, oldest first
}

func newSeen(most int) *seen {
	return &seen{most: most, done: map[[sha256.Size]byte]time.Time{}}
}

var errBeingHandled = errors.New("the same event is being handled")

// do calls handle unless it returned nil for the message before. Of two calls at a
// time the second is an error, since the first may fail yet.
func (s *seen) do(message [sha256.Size]byte, handle func() error) error {
	s.mu.Lock()
	s.forget(time.Now().Add(-seenFor))
	at, known := s.done[message]
	if !known {
		s.done[message] = time.Time{}
	}
	s.mu.Unlock()
	switch {
	case known && at.IsZero():
		return errBeingHandled
	case known:
		return nil
	}
	handled := false
	defer func() { // after a panic too
		s.mu.Lock()
		defer s.mu.Unlock()
		if !handled {
			delete(s.done, message)
			return
		}
		s.done[message] = time.Now()
		s.old = append(s.old, message)
	}()
	err := handle()
	handled = err == nil
	return err
}

// forget drops messages that were handled before a time, and those that are too
// many. The caller holds mu.
func (s *seen) forget(before time.Time) {
	for len(s.old) > 0 && (len(s.old) > s.most || s.done[s.old[0]].Before(before)) {
		delete(s.done, s.old[0])
		s.old = s.old[1:]
	}
}

// The kinds of events that WeChat pushes to a platform.
const (
	EventTicket           = "component_verify_ticket"
	EventAuthorized       = "authorized"
	EventUpdateAuthorized = "updateauthorized"
	EventUnauthorized     = "unauthorized"
)

// Event is what WeChat pushes to the event address of a platform, decrypted.
// Members that an event of its kind does not have are zero.
type Event struct {
	AppID      string    // the platform
	CreateTime time.Time // to the second
	InfoType   string    // the kind, such as EventTicket

	ComponentVerifyTicket string // of EventTicket

	AuthorizerAppID   string    // the Mini Program whose authorization changed
	AuthorizationCode string    // good once, for Client.QueryAuth
	CodeExpires       time.Time // when the code is good no more
	PreAuthCode       string    // under which the merchant consented; "" if there was none

	// Message is the event as it came: XML, with what kinds that are not listed here
	// say of themselves.
	Message []byte
}

// eventXML is an event on the wire.
type eventXML struct {
	AppID                        string `xml:"AppId"`
	CreateTime                   int64
	InfoType                     string
	ComponentVerifyTicket        string
	AuthorizerAppID              string `xml:"AuthorizerAppid"`
	AuthorizationCode            string
	AuthorizationCodeExpiredTime int64
	PreAuthCode                  string
}

// ParseEvent reads a decrypted event.
func ParseEvent(message []byte) (Event, error) {
	var w eventXML
	if err := xml.Unmarshal(message, &w); err != nil {
		return Event{}, fmt.Errorf("the event is no XML: %w", err)
	}
	e := Event{
		AppID: w.AppID, CreateTime: time.Unix(w.CreateTime, 0), InfoType: w.InfoType,
		ComponentVerifyTicket: w.ComponentVerifyTicket, AuthorizerAppID: w.AuthorizerAppID,
		AuthorizationCode: w.AuthorizationCode, PreAuthCode: w.PreAuthCode, Message: message,
	}
	if w.AuthorizationCodeExpiredTime != 0 {
		e.CodeExpires = time.Unix(w.AuthorizationCodeExpiredTime, 0)
	}
	if e.InfoType == "" {
		return Event{}, fmt.Errorf("the event has no InfoType")
	}
	return e, nil
}

// XML returns the event as it stands on the wire (PU-6), made of its members without
// Message.
func (e Event) XML() []byte {
	var b strings.Builder
	text := func(name, value string) {
		if value != "" { // what would end a section of characters is cut in two
			value = strings.ReplaceAll(value, "]]>", "]]]]><![CDATA[>")
			fmt.Fprintf(&b, "<%s><![CDATA[%s]]></%s>\n", name, value, name)
		}
	}
	b.WriteString("<xml>")
	text("AppId", e.AppID)
	fmt.Fprintf(&b, "<CreateTime>%d</CreateTime>\n", e.CreateTime.Unix())
	text("InfoType", e.InfoType)
	text("ComponentVerifyTicket", e.ComponentVerifyTicket)
	text("AuthorizerAppid", e.AuthorizerAppID)
	text("AuthorizationCode", e.AuthorizationCode)
	if !e.CodeExpires.IsZero() {
		text("AuthorizationCodeExpiredTime", fmt.Sprint(e.CodeExpires.Unix()))
	}
	text("PreAuthCode", e.PreAuthCode)
	b.WriteString("</xml>")
	return []byte(b.String())
}
