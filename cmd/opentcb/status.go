package main

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/profile"
	"github.com/opentcb/opentcb/tcb"
)

// The exit statuses, which scripts depend on: one for each kind of failure.
const (
	statusDone = iota
	statusRefused
	statusUsage
	statusUnreachable
	statusCredentials
	statusConflict
	statusChecksum
	statusNotAll
)

// statuses says what each exit status means: the manual has this table, and no
// other page has one.
var statuses = [...]string{
	statusDone: "done",
	statusRefused: "refused, failed, or could not start, for another reason than those below. " +
		"`scrub` found damage; `conformance` found a difference. " +
		"A command of the operator's could not reach the admin interface, or its token was refused",
	statusUsage: "wrong usage, or something of yours is wrong: the profile or a secret of it, the fleet file, " +
		"a zip or folder, the file of the admin token, a file that is in the way. Nothing was changed",
	statusUnreachable: "the interfaces gave no answer, or none of the platform's (also -1, of an upload InternalError): try again",
	statusCredentials: "the platform refused the secret, the token, the authorization or a permission set",
	statusConflict:    "somebody else has changed it since it was read",
	statusChecksum:    "the code does not match its checksum",
	statusNotAll:      "`fleet`: something differs, failed, or was not looked at",
}

// usageError is a command used wrongly.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// statusError is an error with an exit status of its own.
type statusError struct {
	error
	status int
}

func (e statusError) Unwrap() error { return e.error }

// byKind gives an error of the interfaces the exit status of its kind.
func byKind(err error) error {
	if err == nil {
		return nil
	}
	if _, isUsage := errors.AsType[usageError](err); isUsage {
		return err
	}
	if _, has := errors.AsType[statusError](err); has {
		return err
	}
	if wrong, ok := errors.AsType[*profile.SecretError](err); ok {
		return usageError{wrong}
	}
	if errors.Is(err, tcb.ErrChecksum) {
		return statusError{err, statusChecksum}
	}
	if e, ok := errors.AsType[*tcb.Error](err); ok {
		return statusError{err, statusOf(e.Code)}
	}
	if e, ok := errors.AsType[*tcb.CodeError](err); ok {
		if e.Code == "InternalError" { // an upload's -1
			return statusError{err, statusUnreachable}
		}
		return statusError{err, statusRefused}
	}
	_, odd := errors.AsType[*tcb.AnswerError](err)
	_, network := errors.AsType[net.Error](err)
	if odd || network || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return statusError{err, statusUnreachable}
	}
	return err
}

func statusOf(code tcb.Code) int {
	switch code {
	case tcb.InvalidCredential, tcb.InvalidToken, tcb.TokenExpired, tcb.MissingToken, tcb.Unauthorized, tcb.NotAuthorized,
		tcb.MissingPermission, tcb.InvalidAppID, tcb.InvalidAppSecret, tcb.TicketInvalid, tcb.TicketExpired,
		tcb.RefreshTokenInvalid, tcb.UnregisteredAddress:
		return statusCredentials
	case tcb.SystemBusy:
		return statusUnreachable
	}
	return statusRefused
}

// describe writes an error for a person, with the errcode of a refusal.
func describe(err error) string {
	r, ok := errors.AsType[*admin.Refusal](err)
	if !ok || r.Code == 0 {
		return err.Error()
	}
	return fmt.Sprintf("%v (errcode %d)", err, r.Code)
}
