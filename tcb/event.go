package tcb

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

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
