package tcb

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/opentcb/opentcb/internal/words"
)

// Error is a refusal by the platform: an answer whose errcode is not 0. It
// matches another Error of the same code with errors.Is:
//
//	if errors.Is(err, tcb.ErrTokenExpired) { … }
type Error struct {
	Code      Code   // errcode
	Message   string // errmsg, without the rid
	RID       string // what the platform's support asks for; "" if the answer had none
	Interface string // the last segment of the interface's path
}

// The refusals that callers distinguish most often. Compare others with
// &Error{Code: …}.
var (
	ErrSystemBusy          = &Error{Code: SystemBusy}
	ErrInvalidToken        = &Error{Code: InvalidToken}
	ErrTokenExpired        = &Error{Code: TokenExpired}
	ErrInvalidArgs         = &Error{Code: InvalidArgs}
	ErrMissingParameter    = &Error{Code: MissingParameter}
	ErrDailyQuota          = &Error{Code: DailyQuota}
	ErrMinuteQuota         = &Error{Code: MinuteQuota}
	ErrNotAuthorized       = &Error{Code: NotAuthorized}
	ErrMissingPermission   = &Error{Code: MissingPermission}
	ErrRefreshTokenInvalid = &Error{Code: RefreshTokenInvalid}
	ErrNoCloudPrivilege    = &Error{Code: NoCloudPrivilege}
	ErrResourceNotFound    = &Error{Code: ResourceNotFound}
	ErrNotCodeOwner        = &Error{Code: NotCodeOwner}
)

// Error returns the code, the message and the rid, on one line that a terminal
// can show.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = e.Code.Text()
	}
	text = fmt.Sprintf("errcode %d: %s", int(e.Code), words.Printable(text))
	if e.Interface != "" {
		text = e.Interface + ": " + text
	}
	if e.RID != "" {
		text += " (rid " + e.RID + ")"
	}
	return text
}

// Is reports whether target is an Error of the same code.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code
}

// ridForm is the end of an errmsg that carries a rid.
var ridForm = regexp.MustCompile(`\s*rid:\s*([0-9A-Za-z-]{1,64})\s*$`)

// newError reads an errmsg as the platform writes it: a text, perhaps a
// detail, and " rid: …" at the end.
func newError(name string, code Code, errmsg string) *Error {
	e := &Error{Code: code, Message: errmsg, Interface: name}
	if m := ridForm.FindStringSubmatchIndex(errmsg); m != nil {
		e.Message, e.RID = errmsg[:m[0]], errmsg[m[2]:m[3]]
	}
	return e
}

// AnswerError is an answer that is not the platform's: another status, a page
// of a proxy, an empty or overlong body, JSON without a member that the
// interface promises. Whether the call was carried out is not known.
type AnswerError struct {
	Interface string
	Status    int    // HTTP status
	Reason    string // what is wrong with it
	Body      string // how it begins, at most 200 bytes
}

// Error returns what is wrong, and how the answer begins.
func (e *AnswerError) Error() string {
	text := fmt.Sprintf("%s: the answer (HTTP %d) %s", e.Interface, e.Status, e.Reason)
	if e.Body != "" {
		text += ": it begins with " + strconv.Quote(e.Body)
	}
	return text
}

// CodeError is a refusal of an upload, in the envelope of Tencent Cloud.
type CodeError struct {
	Code      string // such as InvalidParameterValue.CodeSecret
	Message   string
	RequestID string
}

// Error returns code, message and request id.
func (e *CodeError) Error() string {
	return fmt.Sprintf("UpdateFunctionCode: %s: %s (RequestId %s)", words.Printable(e.Code),
		words.Printable(e.Message), words.Printable(e.RequestID))
}

// Is reports whether target is a CodeError of the same code.
func (e *CodeError) Is(target error) bool {
	other, ok := target.(*CodeError)
	return ok && other.Code == e.Code
}

// isStaleToken reports whether a new access token may help after a refusal. The
// real platform answers 40001 too for a token that is not the latest.
func isStaleToken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Code == InvalidCredential || e.Code == InvalidToken || e.Code == TokenExpired)
}

// beginning returns how a body begins, for an error.
func beginning(body []byte) string {
	const most = 200
	return strings.ToValidUTF8(string(body[:min(len(body), most)]), "?")
}
