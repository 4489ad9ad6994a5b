package cloud

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/opentcb/opentcb/tcb"
)

// Record is one entry of the audit record: a decision on an interface, a
// credential issued, or a change by the operator. It never holds a secret.
type Record struct {
	At       int64    `json:"at"`                 // Unix milliseconds
	RID      string   `json:"rid"`                // the request's id
	Operator bool     `json:"operator,omitempty"` // done by the operator; else by Platform
	By       string   `json:"by,omitempty"`       // the operator's token, such as "token:ci"; "" of servers before, and at the start
	Platform string   `json:"platform,omitempty"` // the platform that acted, or that it concerns
	AppID    string   `json:"appid,omitempty"`    // the Mini Program acted for, or that it concerns
	Action   string   `json:"action"`             // the wire name, or the operator's verb
	Target   string   `json:"target,omitempty"`   // what it was done to
	Code     tcb.Code `json:"code"`               // the outcome's code
	Detail   string   `json:"detail,omitempty"`   // what changed
}

// RecordFilter chooses audit records. Zero members choose all.
type RecordFilter struct {
	Since   int64  // Unix milliseconds, inclusive
	Until   int64  // Unix milliseconds, exclusive
	Account string // platform or Mini Program that acted or is concerned
	Outcome OutcomeFilter
}

// OutcomeFilter reports whether it chooses records with that code; nil chooses
// all.
type OutcomeFilter func(code tcb.Code) bool

// AnyRefusal is the OutcomeFilter of every outcome but success.
func AnyRefusal(code tcb.Code) bool { return code != tcb.OK }

// OnlyCode returns the OutcomeFilter of one outcome.
func OnlyCode(want tcb.Code) OutcomeFilter {
	return func(code tcb.Code) bool { return code == want }
}

// Fits reports whether the filter chooses a record.
func (f RecordFilter) Fits(r Record) bool {
	return r.At >= f.Since && (f.Until == 0 || r.At < f.Until) &&
		(f.Account == "" || r.Platform == f.Account || r.AppID == f.Account) &&
		(f.Outcome == nil || f.Outcome(r.Code))
}

// AuditStore keeps the audit record. Every change writes its own records; these
// are the verbs for all other decisions.
type AuditStore interface {
	// Records gives the audit records that fit the filter to each, oldest
	// first, and ends early with an error of each.
	Records(ctx context.Context, f RecordFilter, each func(Record) error) error
	// AppendRecords writes audit records of decisions that changed nothing, and may
	// put them into the order of time. The same records, given again after an error,
	// are written once.
	AppendRecords(ctx context.Context, recs []Record) error
}

// record returns the record of what the caller does.
func (c Caller) record(action, target string) Record {
	return Record{
		At: c.Now, RID: c.RID, Operator: c.Operator, By: c.By, Platform: c.Platform, AppID: c.AppID,
		Action: action, Target: target,
	}
}

// recordOutcome records a decision that changed nothing, a refusal or a success
// that only read, and returns the error to answer with: outcome, or Unavailable if
// it cannot be recorded.
func (s *Service) recordOutcome(c Caller, action, target string, outcome error) error {
	rec := c.record(action, target)
	rec.Code, rec.Detail = CodeOf(outcome), refusalDetail(outcome)
	if !s.reads.add(&rec) {
		return &Error{Kind: Unavailable, Detail: "audit record full", Err: outcome}
	}
	return outcome
}

// RecordBackup records that the operator takes a backup, which reads everything.
func (s *Service) RecordBackup(ctx context.Context, c Caller) error {
	return storeError("record of a backup", s.store.AppendRecords(ctx, []Record{c.record("backup", "")}))
}

// RecordLogLevel records that the operator changes what is logged. It does not wait
// for the store.
func (s *Service) RecordLogLevel(c Caller, level string) error {
	return s.recordOutcome(c, "log-level", level, nil)
}

// Refuse records that a call ended before its rule, because of a permission or its
// body, and returns the error to answer with. A caller that is not known leaves no
// record: anybody could fill the disk with them.
func (s *Service) Refuse(c Caller, action string, outcome error) error {
	if c.Platform == "" && !c.Operator {
		return outcome
	}
	return s.recordRefusal(c, action, "", outcome)
}

// Records gives the audit records that fit to each, oldest first, including those
// still in memory. It ends early with an error of each.
func (s *Service) Records(ctx context.Context, f RecordFilter, each func(Record) error) error {
	if err := s.reads.flush(ctx); err != nil {
		return storeError("audit", err)
	}
	return storeError("audit", s.store.Records(ctx, f, each))
}

// named returns "env test-777bb9" for the record. A caller can send anything as a
// name, a secret by mistake too, and records stay: what has not the form of a name
// is not repeated.
func named(noun, name string) string {
	if !nameForms[noun].MatchString(name) {
		return fmt.Sprintf("%s not an id (%d bytes)", noun, len(name))
	}
	return noun + " " + name
}

// nameForms are the forms of names by what they name.
var nameForms = map[string]*regexp.Regexp{
	"env": environmentID, "get env": environmentID, "set env": environmentID, "function": functionName,
}

// environmentID is what an environment may be called.
var environmentID = regexp.MustCompile(`^[a-z][a-z0-9-]{1,63}$`)

// ShownEnvironment returns what a caller calls an environment if it has the form of
// its id, and else that it has not: it may be a secret in the wrong place.
func ShownEnvironment(id string) string {
	if id == "" || environmentID.MatchString(id) {
		return id
	}
	return fmt.Sprintf("not an id (%d bytes)", len(id))
}

// maxDetail bounds the detail of a recorded refusal, in bytes.
const maxDetail = 200

// quoted is what a detail repeats of what the caller sent.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?`)

// refusalDetail returns what a caller was told, for the record: without what the
// caller sent, which could be a secret.
func refusalDetail(outcome error) string {
	e, ok := errors.AsType[*Error](outcome)
	if !ok || e.Detail == "" {
		return ""
	}
	detail := printable(quoted.ReplaceAllString(e.Detail, `"…"`))
	return strings.ToValidUTF8(detail[:min(len(detail), maxDetail)], "")
}

// printable replaces what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
