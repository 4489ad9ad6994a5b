package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
)

// JournalEntry is an entry of the journal with its time for people.
type JournalEntry struct {
	At Moment `json:"at"`
	journal.Entry
}

// JournalPage is a page of the journal, oldest first.
type JournalPage struct {
	List[JournalEntry]
	// Complete reports whether there are as many as were waited for; nil if nothing
	// was.
	Complete *bool `json:"complete,omitempty"`
	// Instead is what came in place of what is missing, nearest first.
	Instead []string `json:"instead,omitempty"`
}

// journalQuery is what a request wants of the journal.
type journalQuery struct {
	journal.Filter
	after, limit, count int
	wait                time.Duration
	waits               bool // for a count
}

// The bounds of a request: how long it may wait, and how many refused cloud calls it
// explains.
const (
	longestWait  = transferTime
	maxExplained = 100
)

// harType is the type of HTTP archives.
const harType = "application/har+json"

// readJournalQuery reads what the query wants.
func readJournalQuery(r *http.Request) (q journalQuery, err error) {
	q.limit = defaultLimit
	isHAR := strings.Contains(r.Header.Get("Accept"), harType)
	if isHAR {
		q.limit = journal.MaxEntries
	}
	err = parameters{
		"interface": text(&q.Interface), "platform": text(&q.Platform), "appid": text(&q.AppID), "env": text(&q.Env),
		"function": text(&q.Function), "path": text(&q.Path), "rid": text(&q.RID), "text": text(&q.Text),
		"errcode": func(value string) error {
			code, err := strconv.Atoi(value)
			if q.ErrCode = &code; err != nil {
				return errors.New("a number")
			}
			return nil
		},
		"since": moment(&q.Since),
		"limit": number(&q.limit, maxLimit), "after": number(&q.after, 1<<53), "count": number(&q.count, maxLimit),
		"wait": func(value string) (err error) {
			if q.wait, err = time.ParseDuration(value); err != nil || q.wait < 0 || q.wait > longestWait {
				return errors.New("a span such as 10s, at most " + longestWait.String())
			}
			q.waits = true
			return nil
		},
	}.read(r)
	q.waits = q.waits || q.count > 0
	if q.waits {
		q.count = max(q.count, 1)
		q.limit = max(q.limit, q.count)
	}
	return q, err
}

func (s *Server) showJournal(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	q, err := readJournalQuery(r)
	if err != nil {
		return nil, err
	}
	if err := s.faults.CheckInterface(q.Interface); err != nil {
		return nil, cloud.RefusedMember("interface", "interface "+err.Error())
	}
	ctx, cancel := context.WithTimeout(r.Context(), q.wait)
	defer cancel()
	if q.wait > 0 {
		go s.endWith(ctx, s.waiting.ending(), cancel)
	}
	found := s.journal.Wait(ctx, q.Filter, int64(q.after), q.limit, q.count)
	found = s.explained(r.Context(), found)
	if strings.Contains(r.Header.Get("Accept"), harType) {
		w.Header().Set("Content-Type", harType)
		w.Header().Set("Cache-Control", "no-store")
		return streamed{}, json.NewEncoder(w).Encode(journal.ToHAR("v1", found))
	}
	page := JournalPage{List: List[JournalEntry]{Items: []JournalEntry{}}}
	for _, e := range found {
		page.Items = append(page.Items, JournalEntry{Moment(e.At), *e})
	}
	if n := len(found); n == q.limit {
		page.Next = strconv.FormatInt(found[n-1].Seq, 10)
	}
	if q.waits {
		complete := len(found) >= q.count
		page.Complete = &complete
		if !complete {
			page.Instead = s.journal.Instead(q.Filter)
		}
	}
	return page, nil
}

// endWith ends a wait when all are to end, before it ends by itself.
func (s *Server) endWith(ctx context.Context, ending <-chan struct{}, end func()) {
	select {
	case <-ending:
		end()
	case <-ctx.Done():
	}
}

// explained returns entries with refused cloud calls explained: which entry of the
// whitelist comes nearest is known only by looking it up.
func (s *Server) explained(ctx context.Context, entries []*journal.Entry) []*journal.Entry {
	left := maxExplained
	for i, e := range entries {
		isCloudCall := e.Interface == inject.CloudCall || e.Interface == "decide"
		if !isCloudCall || e.ErrCode == nil || *e.ErrCode == 0 || e.Fault != nil || left == 0 {
			continue
		}
		left--
		if why, err := s.cloud.Explain(ctx, e.RID); err == nil {
			copied := *e
			copied.Reason = why.Reason
			entries[i] = &copied
		}
	}
	return entries
}

func (s *Server) clearJournal(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	s.journal.Clear()
	return nil, s.cloud.RecordTest(c, "journal", "emptied")
}

// Journal returns a page of the journal. The query's members are interface,
// platform, appid, env, function, path, errcode, rid, text, since, limit, after, and
// wait and count, which wait for so many calls.
func (c *Client) Journal(ctx context.Context, query url.Values) (JournalPage, error) {
	return ask[JournalPage](ctx, c, "GET", "/v1/journal?"+query.Encode(), nil)
}

// JournalHAR writes the journal as an HTTP archive.
func (c *Client) JournalHAR(ctx context.Context, query url.Values, to io.Writer) error {
	return c.download(ctx, "/v1/journal?"+query.Encode(), harType, to)
}

// ClearJournal empties the journal.
func (c *Client) ClearJournal(ctx context.Context) error {
	return c.call(ctx, "DELETE", "/v1/journal", content{}, nil)
}
