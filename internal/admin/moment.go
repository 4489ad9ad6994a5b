package admin

import (
	"encoding/json"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

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
