package admin_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

// records reads the audit record through the client.
func (s *started) records(t *testing.T, query url.Values) []cloud.Record {
	t.Helper()
	var all []cloud.Record
	must(t, s.Audit(t.Context(), query, func(r cloud.Record) error {
		all = append(all, r)
		return nil
	}))
	return all
}

// TestAuditFilters compares what each filter lets through with what the whole
// record says.
func TestAuditFilters(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	for range 3 {
		_, err := s.Authorize(t.Context(), platform, other, []int{49})
		must(t, err)
		time.Sleep(2 * time.Millisecond) // records at times of their own
	}
	must(t, s.Revoke(t.Context(), platform, other))
	s.callUnauthorized(t)
	all := s.records(t, nil)
	if len(all) < 12 || !slices.IsSortedFunc(all, func(a, b cloud.Record) int { return int(a.At - b.At) }) {
		t.Fatalf("the whole record: %+v", all)
	}
	middle := all[len(all)-3].At
	since, until := "since="+strconv.FormatInt(middle, 10), "until="+strconv.FormatInt(middle, 10)
	moment := "since=" + time.UnixMilli(middle).UTC().Format("2006-01-02T15:04:05.000Z")
	for query, fits := range map[string]func(r cloud.Record) bool{
		since:                               func(r cloud.Record) bool { return r.At >= middle },
		until:                               func(r cloud.Record) bool { return r.At < middle },
		moment:                              func(r cloud.Record) bool { return r.At >= middle },
		"since=2999-01-01T00:00:00%2B08:00": func(cloud.Record) bool { return false },
		"account=" + platform:               func(r cloud.Record) bool { return r.Platform == platform },
		"account=" + other:                  func(r cloud.Record) bool { return r.AppID == other },
		"account=nobody":                    func(cloud.Record) bool { return false },
		"outcome=ok":                        func(r cloud.Record) bool { return r.Code == 0 },
		"outcome=0":                         func(r cloud.Record) bool { return r.Code == 0 },
		"outcome=refused":                   func(r cloud.Record) bool { return r.Code != 0 },
		"outcome=61007":                     func(r cloud.Record) bool { return r.Code == 61007 },
		"outcome=":                          func(cloud.Record) bool { return true },
		"outcome=refused&account=" + mini + "&since=1": func(r cloud.Record) bool { return r.Code != 0 && r.AppID == mini },
		"outcome=ok&account=" + mini + "&" + until: func(r cloud.Record) bool {
			return r.Code == 0 && r.AppID == mini && r.At < middle
		},
	} {
		q, err := url.ParseQuery(query)
		must(t, err)
		want := slices.DeleteFunc(slices.Clone(all), func(r cloud.Record) bool { return !fits(r) })
		if got := s.records(t, q); !slices.Equal(got, want) {
			t.Errorf("%s: got %+v, want %+v", query, got, want)
		}
	}
	if got := s.records(t, url.Values{"outcome": {"61007"}}); len(got) != 1 || got[0].Action != "getcodesecret" {
		t.Errorf("61007: %+v", got)
	}
}

// callUnauthorized makes a call over the wire that is refused for want of a
// permission set.
func (s *started) callUnauthorized(t *testing.T) {
	t.Helper()
	token := s.authorizerToken(t)
	_, err := s.Authorize(t.Context(), platform, mini, []int{18})
	must(t, err)
	if answer := s.call(t, "/tcb/getcodesecret?access_token="+token, ""); answer["errcode"] != 61007.0 {
		t.Fatalf("getcodesecret: %v", answer)
	}
}

// TestAuditBreaksOff cuts the connection after so many bytes: the client does
// not take what it has for the whole.
func TestAuditBreaksOff(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	for range 60 {
		_, err := s.Ticket(t.Context(), platform)
		must(t, err)
	}
	whole := len(s.records(t, nil))
	// Somewhere in a stretch that is longer than a record, a line ends.
	for after := int64(4600); after < 4800; after++ {
		cut := &admin.Client{URL: cuttingProxy(t, strings.TrimPrefix(s.URL, "http://"), after), Token: s.Token}
		n := 0
		err := cut.Audit(t.Context(), nil, func(cloud.Record) error { n++; return nil })
		if err == nil || n >= whole {
			t.Errorf("after %d bytes: %d of %d records, and %v", after, n, whole, err)
		}
	}
}

// TestAuditCallerEnds ends the reading from the caller's side.
func TestAuditCallerEnds(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	enough := fmt.Errorf("enough")
	if err := s.Audit(t.Context(), nil, func(cloud.Record) error { return enough }); err != enough {
		t.Errorf("got %v", err)
	}
}

// cuttingProxy passes connections on to an address, and closes each after so
// many bytes of answer.
func cuttingProxy(t *testing.T, address string, after int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				client.Close()
				return
			}
			go func() { _, _ = io.Copy(server, client) }()
			_, _ = io.CopyN(client, server, after)
			client.Close()
			server.Close()
		}
	}()
	return "http://" + l.Addr().String()
}
