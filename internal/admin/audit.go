package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// audit streams records, one JSON object a line.
func (s *Server) audit(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	filter, err := readRecordFilter(r)
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	begun := false
	err = s.cloud.Records(r.Context(), filter, func(rec cloud.Record) error {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "application/x-ndjson")
		}
		return lines.Encode(RecordOf(rec))
	})
	if err != nil && begun {
		s.log.Error("audit broke off", "err", err)
		panic(http.ErrAbortHandler) // so that half a record does not pass for the whole
	}
	if err != nil {
		return nil, err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	return streamed{}, out.Flush()
}

// readRecordFilter reads since and until (Unix milliseconds or RFC 3339), account
// and outcome (ok, refused or an errcode).
func readRecordFilter(r *http.Request) (f cloud.RecordFilter, err error) {
	err = parameters{
		"since": moment(&f.Since), "until": moment(&f.Until), "account": text(&f.Account),
		"outcome": func(value string) (err error) {
			if f.Outcome, err = ParseOutcome(value); err != nil {
				return errors.New("ok, refused or an errcode")
			}
			return nil
		},
	}.read(r)
	return f, err
}

// moment reads a time.
func moment(to *int64) func(string) error {
	return func(value string) (err error) {
		if *to, err = parseTime(value); err != nil {
			return errors.New("a time: Unix milliseconds, or RFC 3339")
		}
		return nil
	}
}

func parseTime(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && ms >= 0 {
		return ms, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, errors.New("since and until are Unix milliseconds or RFC 3339")
	}
	return t.UnixMilli(), nil
}

// ParseOutcome reads "ok", "refused" (every errcode but 0), one errcode, or ""
// for every outcome.
func ParseOutcome(s string) (cloud.OutcomeFilter, error) {
	switch s {
	case "":
		return nil, nil
	case "ok":
		return cloud.OnlyCode(tcb.OK), nil
	case "refused":
		return cloud.AnyRefusal, nil
	}
	code, err := strconv.Atoi(s)
	if err != nil {
		return nil, errors.New("an outcome is ok, refused or an errcode")
	}
	return cloud.OnlyCode(tcb.Code(code)), nil
}

// Audit gives every record that the query chooses to each, oldest first. The
// query's members are since, until, account and outcome.
func (c *Client) Audit(ctx context.Context, query url.Values, each func(cloud.Record) error) error {
	resp, err := c.do(ctx, "GET", "/v1/audit?"+query.Encode(), content{})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(bufio.NewReader(resp.Body))
	for lines.More() {
		var rec Record
		if err := lines.Decode(&rec); err != nil {
			return fmt.Errorf("the audit record broke off: %w", err)
		}
		rec.Record.At = int64(rec.At)
		if err := each(rec.Record); err != nil {
			return err
		}
	}
	// More is false also when the answer broke off.
	if _, err := lines.Token(); err != io.EOF {
		return fmt.Errorf("the audit record broke off: %w", err)
	}
	return nil
}

// Moment is a time in Unix milliseconds. In JSON, which people read, it is
// RFC 3339 in UTC.
type Moment int64

// MarshalJSON writes RFC 3339.
func (m Moment) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.UnixMilli(int64(m)).UTC().Format("2006-01-02T15:04:05.000Z"))
}

// UnmarshalJSON reads RFC 3339.
func (m *Moment) UnmarshalJSON(text []byte) error {
	var t time.Time
	if err := json.Unmarshal(text, &t); err != nil {
		return err
	}
	*m = Moment(t.UnixMilli())
	return nil
}

// Record, Change and Explanation are those of package cloud with their times for
// people: At stands in place of the one that is embedded.
type (
	// Record is a record of the audit record.
	Record struct {
		At Moment `json:"at"`
		cloud.Record
	}
	// Change is a change of an environment's permission.
	Change struct {
		At Moment `json:"at"`
		cloud.PermissionChange
	}
	// Explanation is why a call was refused.
	Explanation struct {
		At Moment `json:"at"`
		cloud.Explanation
	}
)

// RecordOf returns a record with its time for people.
func RecordOf(r cloud.Record) Record { return Record{Moment(r.At), r} }

// HistoryOf returns changes with their times for people.
func HistoryOf(changes []cloud.PermissionChange) History {
	h := History{Changes: []Change{}} // null is no list
	for _, ch := range changes {
		h.Changes = append(h.Changes, Change{Moment(ch.At), ch})
	}
	return h
}

// ExplanationOf returns an explanation with its time for people.
func ExplanationOf(x cloud.Explanation) Explanation { return Explanation{Moment(x.At), x} }
