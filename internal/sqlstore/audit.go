package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// batchSpan is the longest time from the first record of a batch to the last. A
// search for a time begins with batches that much before it.
const batchSpan = time.Minute

// AppendRecords implements cloud.Store. It packs the records before its change
// runs, so that no other change waits for that.
func (s *Store) AppendRecords(ctx context.Context, recs []cloud.Record) error {
	var rows [][]any
	err := batches(recs, func(batch []cloud.Record) error {
		packed := encodeBatch(batch)
		rows = append(rows, []any{batch[0].At, sameID(batch, packed), packed})
		return nil
	})
	if err != nil {
		return err
	}
	return s.writer.write(ctx, func(t *tx) error {
		return t.execAll(`INSERT INTO audit (first_at, batch, records) VALUES ($1, $2, $3)
			ON CONFLICT (first_at, batch) DO NOTHING`, rows)
	})
}

// appendRecords writes the records of changes as batches, one row each.
func (t *tx) appendRecords(recs []cloud.Record) error {
	return batches(recs, func(batch []cloud.Record) error {
		_, err := t.exec("INSERT INTO audit (first_at, batch, records) VALUES ($1, $2, $3)",
			batch[0].At, batchID(), encodeBatch(batch))
		return err
	})
}

// batches sorts records by time, and calls write with as many at a time as a
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

// The statements that select a page of batches, those after a given one, of
// each table that has batches.
const (
	selectRecords = `SELECT first_at, batch, records FROM audit
		WHERE (first_at, batch) > ($1, $2) AND first_at < $3 ORDER BY first_at, batch LIMIT $4`
	selectRefusals = `SELECT first_at, batch, records FROM refused_calls
		WHERE (first_at, batch) > ($1, $2) AND first_at < $3 ORDER BY first_at, batch LIMIT $4`
)

// page is how many batches are read in one statement. While their records are
// given to a caller, who may be slow, no connection is held.
const page = 16

// Records implements cloud.Store.
func (s *Store) Records(ctx context.Context, f cloud.RecordFilter, each func(cloud.Record) error) error {
	return s.records(ctx, selectRecords, f, each)
}

// records calls each with the records of a table's batches, in the order of
// time.
func (s *Store) records(ctx context.Context, query string, f cloud.RecordFilter, each func(cloud.Record) error) error {
	m := merger{filter: f, each: each}
	until := f.Until
	if until == 0 {
		until = math.MaxInt64
	}
	after := batchRow{first: f.Since - batchSpan.Milliseconds() - 1, id: "~"} // beyond every id of that time
	for {
		rows, err := collect(s.read(ctx), batchFields, query, after.first, after.id, until, page)
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

func batchFields(row *batchRow) []any { return []any{&row.first, &row.id, &row.records} }

// batchID returns an id for a batch: in the order of writing, and never twice.
func batchID() string {
	return fmt.Sprintf("%019d-%s", time.Now().UnixNano(), rand.Text()[:8])
}

// sameID returns an id for a batch that is given again if it is not known whether
// it was written: it depends on what is in it alone.
func sameID(batch []cloud.Record, packed []byte) string {
	sum := sha256.Sum256(packed)
	return fmt.Sprintf("%019d-%x", time.UnixMilli(batch[len(batch)-1].At).UnixNano(), sum[:16])
}

// merger puts the records of batches into the order of time: batches overlap.
type merger struct {
	filter  cloud.RecordFilter
	each    func(cloud.Record) error
	waiting []cloud.Record
}

// add adds the records of a batch that fit the filter.
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

// emit calls each with the records before a time. No record before it may be
// added afterwards.
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
