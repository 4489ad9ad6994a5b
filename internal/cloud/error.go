package cloud

import (
	"errors"
	"fmt"

	"github.com/opentcb/opentcb/tcb"
)

// Kind is why a call was refused or failed. The list is closed: a transport
// has one table from kinds to its own language.
type Kind int

// The kinds of errors.
const (
	Internal               Kind = iota // a bug: trying again does not help
	Unavailable                        // storage out of reach, overload: try again
	InvalidArgs                        // a value that cannot be
	MissingParameter                   // a required member is absent
	EmptyBody                          // no body where one is needed
	MalformedBody                      // a body that is not a JSON object
	MissingToken                       // no access token
	InvalidToken                       // the access token is not genuine, void or superseded
	InvalidCredential                  // in place of InvalidToken, if the operator chose so: not genuine, or superseded
	TokenExpired                       // the access token outlived its time
	WrongTokenKind                     // the access token does not fit the interface
	WrongMethod                        // not POST
	NoInterface                        // a path that names nothing
	InvalidComponent                   // the platform is disabled
	UnregisteredAddress                // the platform's calls do not come from there
	DayQuotaReached                    // a day's quota of the platform is used up
	ClearsUsedUp                       // the platform has cleared its quotas too often this month
	PathNotFound                       // a path that names no interface, in a body
	RIDNotFound                        // a rid of which no failure is kept
	RIDMalformed                       // a text that is no rid
	RIDForeign                         // a rid of another's call
	NotAuthorized                      // no authorization in force
	MissingPermission                  // none of the permission sets that the interface needs
	InvalidAppID                       // no such platform, or not the caller
	InvalidAppSecret                   // wrong platform secret
	TicketInvalid                      // unknown verify ticket
	TicketExpired                      // verify ticket over 12 hours old
	AuthCodeInvalid                    // unknown or used authorization code
	AuthCodeExpired                    // authorization code past its hour
	TooManyAsked                       // a list's count is over its bound
	RefreshTokenInvalid                // unknown or void refresh token
	NoCloudPrivilege                   // cloud development not opened
	EnvironmentNotFound                // no such environment in the account
	FunctionNotFound                   // no such function in the environment
	ConfigNotFound                     // a kind of configuration that the function was never given
	NotCodeOwner                       // code that another uploaded, or nobody
	CodeSecretMismatch                 // not this platform's key for this Mini Program
	InvalidCode                        // not a zip that may be uploaded
	UploadSignatureInvalid             // upload's bytes, headers or key do not fit
	UploadSignatureExpired             // upload's signature over 5 minutes old
	LimitReached                       // a limit of the operator's that the caller, or all together, have reached
	TooManyUploads                     // the server takes no more uploads right now
	LinkInvalid                        // download link not genuine, expired or dead
	SwitchClosed                       // cloud call: the switch of the account is off
	NotWhitelisted                     // cloud call: the path is not on the list, or not in plain form
	InvocationTimeout                  // a function has not answered within the time of a call
	TooManyInvocations                 // as many functions of the environment run as may
	RuntimeUnreachable                 // no runtime, or none that answers
	FunctionFailed                     // a function threw, could not be loaded, or ended
	FunctionTimeout                    // a function took longer than it may; the detail is the whole text
	ResultTooLarge                     // a function's result is over 1 MiB
	NotFound                           // operator: no such thing
	Conflict                           // operator: contradicts what is there
	PreAuthInvalid                     // consent page: a pre-auth code of nobody, or of another platform
	PreAuthExpired                     // consent page: a pre-auth code over its time
	PreAuthUsed                        // consent page: a pre-auth code that a consent has used up
	ConsentCodeInvalid                 // consent page: no code of the Mini Program
	kinds                              // how many there are
)

// codes is each kind's errcode on the wire; a kind that never reaches the
// wire in that envelope has none and counts as SystemError.
var codes = [kinds]tcb.Code{
	Internal:               tcb.SystemError,
	Unavailable:            tcb.SystemBusy,
	InvalidArgs:            tcb.InvalidArgs,
	MissingParameter:       tcb.MissingParameter,
	EmptyBody:              tcb.EmptyBody,
	MalformedBody:          tcb.MalformedBody,
	MissingToken:           tcb.MissingToken,
	InvalidToken:           tcb.InvalidToken,
	InvalidCredential:      tcb.InvalidCredential,
	TokenExpired:           tcb.TokenExpired,
	WrongTokenKind:         tcb.Unauthorized,
	WrongMethod:            tcb.RequirePost,
	NoInterface:            tcb.InvalidURL,
	InvalidComponent:       tcb.InvalidComponent,
	UnregisteredAddress:    tcb.UnregisteredAddress,
	DayQuotaReached:        tcb.DailyQuota,
	ClearsUsedUp:           tcb.ClearsUsedUp,
	PathNotFound:           tcb.PathNotFound,
	RIDNotFound:            tcb.RIDNotFound,
	RIDMalformed:           tcb.RIDMalformed,
	RIDForeign:             tcb.RIDForeign,
	NotAuthorized:          tcb.NotAuthorized,
	MissingPermission:      tcb.MissingPermission,
	InvalidAppID:           tcb.InvalidAppID,
	InvalidAppSecret:       tcb.InvalidAppSecret,
	TicketInvalid:          tcb.TicketInvalid,
	TicketExpired:          tcb.TicketExpired,
	AuthCodeInvalid:        tcb.AuthCodeInvalid,
	AuthCodeExpired:        tcb.AuthCodeExpired,
	TooManyAsked:           tcb.CountLimit,
	RefreshTokenInvalid:    tcb.RefreshTokenInvalid,
	NoCloudPrivilege:       tcb.NoCloudPrivilege,
	EnvironmentNotFound:    tcb.ResourceNotFound,
	FunctionNotFound:       tcb.ResourceNotFound,
	ConfigNotFound:         tcb.ConfigNotFound,
	NotCodeOwner:           tcb.NotCodeOwner,
	CodeSecretMismatch:     tcb.InvalidArgs,
	InvalidCode:            tcb.InvalidArgs,
	UploadSignatureInvalid: tcb.InvalidToken,
	UploadSignatureExpired: tcb.TokenExpired,
	LimitReached:           tcb.MinuteQuota,
	TooManyUploads:         tcb.SystemBusy,
	LinkInvalid:            tcb.InvalidToken,
	SwitchClosed:           tcb.CloudTokenClosed,
	NotWhitelisted:         tcb.NotInWhitelist,
	InvocationTimeout:      tcb.ResourceTimeout,
	TooManyInvocations:     tcb.TooManyAtOnce,
	RuntimeUnreachable:     tcb.FunctionUnreachable,
	FunctionFailed:         tcb.FunctionFailed,
	FunctionTimeout:        tcb.FunctionTimeout,
	ResultTooLarge:         tcb.ResultTooLarge,
	NotFound:               tcb.ResourceNotFound,
	Conflict:               tcb.InvalidArgs,
	PreAuthInvalid:         tcb.InvalidArgs,
	PreAuthExpired:         tcb.InvalidArgs,
	PreAuthUsed:            tcb.InvalidArgs,
	ConsentCodeInvalid:     tcb.InvalidArgs,
}

// Code returns the kind's errcode on the wire and in the audit record.
func (k Kind) Code() tcb.Code {
	if k < 0 || k >= kinds {
		return tcb.SystemError
	}
	return codes[k]
}

// Error is a refusal or a failure. Detail is for the caller and safe to show
// (EN-5); Member is what of the operator's request is at fault, "" if that is not
// one member; Err is the cause, for the log only.
type Error struct {
	Kind   Kind
	Detail string
	Member string
	Err    error
}

// Error returns everything, the cause included: for the log, never for an answer.
func (e *Error) Error() string {
	s := e.Kind.Code().Text()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Refused returns an Error of a kind without a cause. The detail says what was
// wrong in words that are safe to show to the caller (EN-5); "" adds nothing
// to the text of the kind's code.
func Refused(kind Kind, detail string) error { return &Error{Kind: kind, Detail: detail} }

// RefusedMember returns an Error for one member of the operator's request, or one
// parameter of its query, that cannot be as it is.
func RefusedMember(member, detail string) error {
	return &Error{Kind: InvalidArgs, Detail: detail, Member: member}
}

// KindOf returns the kind of an error of this package, Internal for others.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the errcode that an outcome has in the audit record.
func CodeOf(err error) tcb.Code {
	if err == nil {
		return tcb.OK
	}
	return KindOf(err).Code()
}

// internalError returns an Internal error: a bug, whatever was being done.
func internalError(op string, err error) error { return &Error{Kind: Internal, Err: wrap(op, err)} }

// wrap names what was being done when an error came.
func wrap(op string, err error) error { return fmt.Errorf("%s: %w", op, err) }
