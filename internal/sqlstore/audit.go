package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// batchSpan is the longest time between the first and the last record of a
// batch, so that a search knows where to begin.
const batchSpan = time.Minute

// AppendRecords implements cloud.Store.
func (s *Store) AppendRecords(ctx context.Context, recs []cloud.Record) error {
	return s.writer.write(ctx, func(t *tx) error {
		t.record(recs...)
		return nil
	})
}

// appendRecords writes records as batches, one row each.
func (t *tx) appendRecords(recs []cloud.Record) error {
	return batches(recs, func(batch []cloud.Record) error {
		_, err := t.exec("INSERT INTO audit (first_at, batch, records) VALUES ($1, $2, $3)", batch[0].At, batchID(), encodeBatch(batch))
		return err
	})
}

// batches gives records in the order of time to write, as many at once as one
// batch may span.
func batches(recs []cloud.Record, write func([]cloud.Record) error) error {
	slices.SortStableFunc(recs, byTime)
	for len(recs) > 0 {
		n := 1
		for n < len(recs) && recs[n].At-recs[0].At <= batchSpan.Milliseconds() {
			n++
		}
		if err := write(recs[:n]); err != nil {
			return err
		}
		recs = recs[n:]
	}
	return nil
}

// The two tables of batches. Each selects a page, the first batch of which
// comes after the given.
const (
	selectRecords = "SELECT first_at, batch, records FROM audit WHERE (first_at, batch) > ($1, $2) AND first_at < $3 " +
		"ORDER BY first_at, batch LIMIT $4"
	selectRefusals = "SELECT first_at, batch, records FROM refused_calls WHERE (first_at, batch) > ($1, $2) AND first_at < $3 " +
		"ORDER BY first_at, batch LIMIT $4"
)

// page is how many batches are read at once. No connection is held while the
// records of a page are given away: whoever takes them may be slow.
const page = 16

// Records implements cloud.Store.
func (s *Store) Records(ctx context.Context, f cloud.RecordFilter, each func(cloud.Record) error) error {
	return s.records(ctx, selectRecords, f, each)
}

// records gives the records of a table's batches to each, in the order of
// time.
func (s *Store) records(ctx context.Context, query string, f cloud.RecordFilter, each func(cloud.Record) error) error {
	m := merger{filter: f, each: each}
	until := f.Until
	if until == 0 {
		until = math.MaxInt64
	}
	after := batchRow{first: f.Since - batchSpan.Milliseconds() - 1, id: "~"} // beyond every id of that time
	for {
		rows, err := s.batches(ctx, query, after, until)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := errors.Join(m.emit(row.first), m.add(row.records)); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return m.emit(math.MaxInt64)
		}
		after = rows[len(rows)-1]
	}
}

// batchRow is a row of a table of batches.
type batchRow struct {
	first   int64
	id      string
	records []byte
}

// batches reads a page of batches.
func (s *Store) batches(ctx context.Context, query string, after batchRow, until int64) ([]batchRow, error) {
	var rows []batchRow
	err := s.read(ctx).rows(query, []any{after.first, after.id, until, page}, func(r *sql.Rows) error {
		var row batchRow
		err := r.Scan(&row.first, &row.id, &row.records)
		rows = append(rows, row)
		return err
	})
	return rows, err
}

// batchID makes a batch's id: in the order of writing, and never twice.
func batchID() string {
	return fmt.Sprintf("%019d-%s", time.Now().UnixNano(), rand.Text()[:8])
}

// merger puts the records of batches that overlap in the order of time.
type merger struct {
	filter  cloud.RecordFilter
	each    func(cloud.Record) error
	waiting []cloud.Record
}

// add takes the records of a batch that the filter chooses.
func (m *merger) add(batch []byte) error {
	if a := m.filter.Account; a != "" && !bytes.Contains(batch, []byte(a)) {
		return nil
	}
	return decodeBatch(batch, func(rec cloud.Record) {
		if m.filter.Fits(rec) {
			m.waiting = append(m.waiting, rec)
		}
	})
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
