package journal

import "strings"

// MaxBody is how many bytes of a body or of an answer are kept.
const MaxBody = 64 << 10

// Entry is one call that came to the server, or one push that it sent, with the
// answer. Secrets in it are masked. An entry that is in a journal does not change.
type Entry struct {
	Seq int64 `json:"seq"` // counts the entries of a journal, from 1
	At  int64 `json:"-"`   // by the server's clock, Unix milliseconds
	Match
	Action string `json:"action,omitempty"` // what the call asks of an interface that does several things
	From   string `json:"from,omitempty"`   // the caller's address
	Method string `json:"method"`
	Host   string `json:"host,omitempty"`
	Query  string `json:"query,omitempty"`
	// Headers and AnswerHeaders have several values of one name with commas between.
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	// BodyBytes is how long the body was. Of one that is cut, Body has the
	// beginning.
	BodyBytes int64 `json:"body_bytes,omitempty"`
	BodyCut   bool  `json:"body_cut,omitempty"`

	Status        int               `json:"status,omitempty"` // of HTTP; 0: there was no answer
	ErrCode       *int              `json:"errcode,omitempty"`
	AnswerHeaders map[string]string `json:"answer_headers,omitempty"`
	Answer        string            `json:"answer,omitempty"`
	AnswerBytes   int64             `json:"answer_bytes,omitempty"`
	AnswerCut     bool              `json:"answer_cut,omitempty"`

	RID    string  `json:"rid,omitempty"`
	TookMS float64 `json:"took_ms"`
	Fault  *Fault  `json:"fault,omitempty"`  // that was injected
	Reason string  `json:"reason,omitempty"` // why the call was refused, as explain says it
}

// Fault is an injected fault that acted on a call.
type Fault struct {
	Rule string `json:"rule"` // its id
	Did  string `json:"did"`  // such as lose_answer
}

// holds reports whether a text stands in what was sent or answered.
func (e *Entry) holds(text string) bool {
	for _, in := range [...]string{e.Query, e.Body, e.Answer, e.Reason} {
		if strings.Contains(in, text) {
			return true
		}
	}
	return false
}

// fixedBytes is about what an entry takes beside its texts.
const fixedBytes = 700

// size is about how many bytes of memory an entry takes.
func (e *Entry) size() int64 {
	n := fixedBytes + len(e.Query) + len(e.Body) + len(e.Answer) + len(e.Reason) + len(e.Path)
	for _, headers := range [...]map[string]string{e.Headers, e.AnswerHeaders} {
		for name, value := range headers {
			n += len(name) + len(value) + 64
		}
	}
	return int64(n)
}
