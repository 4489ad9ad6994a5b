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

// The exit statuses, which scripts depend on. Those from 3 on are of the
// commands that call the interfaces.
const (
	statusDone        = 0
	statusRefused     = 1 // refused, or failed, for another reason than those below
	statusUsage       = 2 // the command was used wrongly, or its profile is wrong
	statusUnreachable = 3 // no answer, or none of the platform's
	statusCredentials = 4 // the token, the authorization or a permission set was refused
	statusConflict    = 5 // somebody else has changed it since it was read
	statusChecksum    = 6 // the code does not match its checksum
	statusNotAll      = 7 // of a fleet something differs, failed, or was not looked at
)

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
	if _, ok := errors.AsType[*tcb.CodeError](err); ok {
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
