package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/opentcb/opentcb/internal/push"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/tcb"
)

// EventAddress is where events of a platform are pushed to. Sealed is the token and
// the aes_key of the address, bound to platform and URL: an altered row does not open.
type EventAddress struct {
	URL    string
	Sealed string
}

// EventView is an event address as the operator sees it.
type EventView struct {
	URL string `json:"url"`
}

// EventSetting is an event address as the operator sets it. One that is there keeps
// its token and its key where both are "".
type EventSetting struct {
	URL    string `json:"url"`
	Token  string `json:"token,omitempty"`
	AESKey string `json:"aes_key,omitempty"`
}

// UnmarshalJSON reads a setting, and passes over nothing.
func (e *EventSetting) UnmarshalJSON(text []byte) error {
	type plain EventSetting
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode((*plain)(e))
}

// EventStore keeps event addresses.
type EventStore interface {
	// EventAddresses returns those of a platform, in the operator's order.
	EventAddresses(ctx context.Context, platform string) ([]EventAddress, error)
}

// maxEvents bounds the event addresses of a platform: each event is a row for each.
const maxEvents = 100

// EventOfConsent returns the kind of event that a consent is, by what was in force
// before; "" if it changed nothing (PU-8).
func EventOfConsent(wasInForce bool, was, sets []int) string {
	sorted := func(sets []int) []int { return slices.Sorted(slices.Values(sets)) }
	switch {
	case !wasInForce:
		return tcb.EventAuthorized
	case slices.Equal(sorted(was), sorted(sets)):
		return ""
	}
	return tcb.EventUpdateAuthorized
}

// planEvents returns the addresses that a platform has afterwards. Of one that is
// as it was the sealed form stays, so that it is not taken for a change.
func planEvents(ring *seal.Ring, ch *AccountChange, settings []EventSetting) ([]EventAddress, error) {
	if len(settings) > maxEvents {
		return nil, RefusedMember("events", fmt.Sprintf("a platform has at most %d event addresses", maxEvents))
	}
	var all []EventAddress
	for i, e := range settings {
		wrong := func(what string) error { return RefusedMember("events", fmt.Sprintf("events[%d]: %s", i, what)) }
		if !isEventURL(e.URL) {
			return nil, wrong("url must be an address such as https://example.com/events, http or https, without user and fragment")
		}
		same := func(o EventAddress) bool { return o.URL == e.URL }
		if slices.ContainsFunc(all, same) {
			return nil, wrong("url is there twice")
		}
		at := slices.IndexFunc(ch.OldEvents, same)
		if at >= 0 && e.keeps(ring, ch.New.AppID, ch.OldEvents[at]) {
			all = append(all, ch.OldEvents[at])
			continue
		}
		if _, err := push.NewKey(e.Token, e.AESKey); err != nil {
			return nil, wrong(err.Error())
		}
		all = append(all, EventAddress{e.URL, e.sealed(ring, ch.New.AppID)})
	}
	return all, nil
}

// keeps reports whether a setting leaves an address as it is.
func (e EventSetting) keeps(ring *seal.Ring, platform string, old EventAddress) bool {
	if e.Token == "" && e.AESKey == "" {
		return true
	}
	was, err := old.open(ring, platform)
	return err == nil && was == e
}

func (e EventSetting) sealed(ring *seal.Ring, platform string) string {
	text, _ := json.Marshal(e) // texts alone
	return ring.Seal(eventPurpose, []string{platform, e.URL}, string(text))
}

// open returns what is sealed of an address.
func (a EventAddress) open(ring *seal.Ring, platform string) (e EventSetting, err error) {
	text, err := ring.Open(eventPurpose, []string{platform, a.URL}, a.Sealed)
	if err == nil {
		err = json.Unmarshal([]byte(text), &e)
	}
	return e, err
}

// maxEventURL bounds the URL of an event address, in bytes.
const maxEventURL = 1024

// isEventURL reports whether something can be pushed to a URL (PU-1).
func isEventURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		!strings.Contains(text, "#") && len(text) <= maxEventURL && checkText("url", text) == nil
}
