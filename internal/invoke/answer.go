package invoke

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// Reason is how a call ended without a result.
type Reason int

// The reasons.
const (
	Unreachable Reason = iota // no runtime, or none that answers as one
	Unanswered                // no result within the time of a call
	Busy                      // too many at once
	Failed                    // the function threw, could not be loaded, or ended
	TimedOut                  // the function took longer than it may
	TooLarge                  // the result is over 1 MiB
)

// Failure is a call without a result. Message is for the caller: it holds no path of
// the host and has at most maxMessage characters. Err is the cause, for the log only.
type Failure struct {
	Reason  Reason
	Message string
	Err     error
}

// Error returns everything, the cause included.
func (f *Failure) Error() string {
	if f.Err != nil {
		return f.Message + ": " + f.Err.Error()
	}
	return f.Message
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

const (
	maxResult  = 1 << 20 // bytes (IV-7), also of what tells a failure: a stack trace is long
	maxMessage = 1000    // characters (IV-7)

	defaultTimeout = 3 // seconds that a function has of which the runtime does not say more
)

// endedText is what is said of a function that ended without a result.
const endedText = "145 code exit unexpected"

// read reads a runtime's answer: a result, or a *Failure. Other errors are the
// connection's.
func read(resp *http.Response) ([]byte, error) {
	switch resp.StatusCode {
	case http.StatusOK:
		return readResult(resp)
	case http.StatusInternalServerError, http.StatusGatewayTimeout, http.StatusTooManyRequests,
		http.StatusRequestEntityTooLarge:
		return nil, readFailure(resp)
	}
	return nil, &Failure{Reason: Unreachable, Message: fmt.Sprintf("the runtime answers with HTTP status %d", resp.StatusCode)}
}

func readResult(resp *http.Response) ([]byte, error) {
	tooLarge := &Failure{Reason: TooLarge}
	if resp.ContentLength > maxResult {
		return nil, tooLarge
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxResult+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxResult:
		return nil, tooLarge
	}
	if text = bytes.TrimSpace(text); !json.Valid(text) {
		return nil, &Failure{Reason: Unreachable, Message: "the runtime's result is no JSON"}
	}
	return text, nil
}

// told is how a runtime tells that there is no result.
type told struct {
	Error *struct {
		Kind    string `json:"kind"`
		Message string `json:"message"`
		Seconds int    `json:"seconds"` // how long the function may take, of a timeout
	} `json:"error"`
}

func readFailure(resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxResult))
	if err != nil {
		return err
	}
	var t told
	if err := json.Unmarshal(text, &t); err != nil || t.Error == nil {
		return &Failure{
			Reason:  Unreachable,
			Message: fmt.Sprintf("the runtime answers with HTTP status %d and does not say why", resp.StatusCode),
			Err:     errors.New("no JSON with a member error"),
		}
	}
	kind := t.Error.Kind
	if kind == "" {
		kind = map[int]string{
			http.StatusGatewayTimeout: "timeout", http.StatusTooManyRequests: "busy", http.StatusRequestEntityTooLarge: "too_large",
		}[resp.StatusCode]
	}
	switch kind {
	case "exit":
		return &Failure{Reason: Failed, Message: endedText}
	case "timeout":
		seconds := t.Error.Seconds
		if seconds <= 0 {
			seconds = defaultTimeout
		}
		return &Failure{Reason: TimedOut, Message: fmt.Sprintf("Invoking task timed out after %d seconds", seconds)}
	case "too_large":
		return &Failure{Reason: TooLarge}
	case "busy":
		return &Failure{Reason: Busy, Message: shown(cmp.Or(t.Error.Message, "all instances of the function are busy")) + ": try again"}
	}
	return &Failure{Reason: Failed, Message: shown(t.Error.Message)}
}

// hostPath finds paths of a host in what a function says, up to their last element.
var hostPath = regexp.MustCompile(
	`(^|[\s'"(\[])(?:file://)?/(?:home|root|usr|opt|tmp|srv|mnt|etc|data|work|private|Users|proc|run|var/(?:lib|log|tmp|run|folders))/(?:[^\s'"():,/]+/)*`)

// shown returns what a function says in a form that can be shown to callers.
func shown(message string) string {
	message = strings.ToValidUTF8(hostPath.ReplaceAllString(message, "$1"), "?")
	n := 0
	for i := range message {
		if n++; n > maxMessage {
			return message[:i]
		}
	}
	return message
}
