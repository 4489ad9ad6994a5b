package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// batchSpan is the longest time between the first and the last record of a
// batch, so that a search knows where to begin.
const batchSpan = time.Minute

// AppendRecords implements cloud.Store.
func (s *Store) AppendRecords(ctx context.Context, recs []cloud.Record) error {
	return s.w.write(ctx, func(t *tx) error {
		t.record(recs...)
		return nil
	})
}

// appendRecords writes records as batches, one row each.
func (t *tx) appendRecords(recs []cloud.Record) error {
	slices.SortStableFunc(recs, byTime)
	for len(recs) > 0 {
		n := 1
		for n < len(recs) && recs[n].At-recs[0].At <= batchSpan.Milliseconds() {
			n++
		}
		text := encodeRecords(recs[:n])
		if _, err := t.exec("INSERT INTO audit (first_at, batch, records) VALUES ($1, $2, $3)", recs[0].At, rand.Text(), text); err != nil {
			return err
		}
		recs = recs[n:]
	}
	return nil
}

// encodeRecords writes one JSON object a line. By hand, since a busy server
// writes as many as it answers calls.
func encodeRecords(recs []cloud.Record) string {
	b := make([]byte, 0, 160*len(recs))
	for _, r := range recs {
		b = append(b, `{"at":`...)
		b = strconv.AppendInt(b, r.At, 10)
		b = appendMember(b, "rid", r.RID)
		if r.Operator {
			b = append(b, `,"operator":true`...)
		}
		b = appendMember(b, "platform", r.Platform)
		b = appendMember(b, "appid", r.AppID)
		b = appendMember(b, "action", r.Action)
		b = appendMember(b, "target", r.Target)
		b = append(b, `,"code":`...)
		b = strconv.AppendInt(b, int64(r.Code), 10)
		b = appendMember(b, "detail", r.Detail)
		b = append(b, "}\n"...)
	}
	return string(b)
}

// appendMember writes a member with a text value, unless it is empty.
func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		quoted, err := json.Marshal(value)
		if err != nil {
			panic(err) // a string always marshals
		}
		return append(b, quoted...)
	}
	b = append(b, '"')
	b = append(b, value...)
	return append(b, '"')
}

// Records implements cloud.Store.
func (s *Store) Records(_ context.Context, f cloud.RecordFilter, each func(cloud.Record) error) error {
	m := merger{filter: f, each: each}
	until := f.Until
	if until == 0 {
		until = math.MaxInt64
	}
	err := s.reads.rows("SELECT first_at, records FROM audit WHERE first_at >= $1 AND first_at < $2 ORDER BY first_at",
		[]any{f.Since - batchSpan.Milliseconds(), until}, func(r *sql.Rows) error {
			var first int64
			var text []byte
			if err := r.Scan(&first, &text); err != nil {
				return err
			}
			if err := m.emit(first); err != nil {
				return err
			}
			return m.add(text)
		})
	if err != nil {
		return err
	}
	return m.emit(math.MaxInt64)
}

// merger puts the records of batches that overlap in the order of time.
type merger struct {
	filter  cloud.RecordFilter
	each    func(cloud.Record) error
	waiting []cloud.Record
}

// add takes the records of a batch that the filter chooses.
func (m *merger) add(text []byte) error {
	if a := m.filter.Account; a != "" && !bytes.Contains(text, []byte(a)) {
		return nil
	}
	for line := range bytes.Lines(text) {
		var rec cloud.Record
		if err := json.Unmarshal(line, &rec); err != nil {
			return err
		}
		if m.filter.Fits(rec) {
			m.waiting = append(m.waiting, rec)
		}
	}
	return nil
}

// emit gives on what is older than any record still to come.
func (m *merger) emit(before int64) error {
	slices.SortStableFunc(m.waiting, byTime)
	n := 0
	for n < len(m.waiting) && m.waiting[n].At < before {
		if err := m.each(m.waiting[n]); err != nil {
			return err
		}
		n++
	}
	m.waiting = slices.Delete(m.waiting, 0, n)
	return nil
}

func byTime(a, b cloud.Record) int { return cmp.Compare(a.At, b.At) }
