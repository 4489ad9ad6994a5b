package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Invocation is a function that a caller may have run. Whoever may act for the
// account may, whoever uploaded the code: running gives nobody the code (IV-8).
type Invocation struct {
	Account  string // the Mini Program, or the platform of a batch environment
	Env      string
	Function string
	Sum      string // of the function's code, in hex
	Runtime  string // the environment's own runtime; "": the server's
}

const actInvoke = "invokecloudfunction"

// Invocation returns what the caller may have run (IV-3, IV-8): NoCloudPrivilege,
// EnvironmentNotFound, or FunctionNotFound, also for a function without code.
// Whatever it returns is still to be recorded by RecordInvocation.
func (s *Service) Invocation(ctx context.Context, c Caller, env, name string) (Invocation, error) {
	inv := Invocation{Account: c.account(), Env: env, Function: name}
	e, err := s.environmentOf(ctx, inv.Account, env)
	if KindOf(err) == EnvironmentNotFound {
		// An account without cloud development is refused for that first, as elsewhere.
		if a, err := s.account(ctx, inv.Account); err == nil && !a.Cloud {
			return inv, Refused(NoCloudPrivilege, "")
		}
	}
	if err != nil {
		return inv, err
	}
	if !e.Cloud {
		return inv, Refused(NoCloudPrivilege, "")
	}
	f, err := s.functionOf(ctx, inv.Account, env, name)
	if err != nil {
		return inv, err
	}
	if f.Sum == "" {
		return inv, Refused(FunctionNotFound, "function not exists")
	}
	inv.Sum, inv.Runtime = f.Sum, e.Runtime
	return inv, nil
}

// RecordInvocation records who had what run, how it ended and how long that took
// (IV-9), and returns the error to answer with: outcome, or Unavailable if it cannot
// be recorded. What a function says is the function's, and not recorded.
func (s *Service) RecordInvocation(c Caller, inv Invocation, took time.Duration, outcome error) error {
	rec := c.record(actInvoke, Function{Env: inv.Env, Name: inv.Function}.target())
	rec.Code = CodeOf(outcome)
	rec.Detail = fmt.Sprintf("took %d ms", took.Milliseconds())
	if errors.Is(outcome, context.Canceled) {
		rec.Detail += ", the caller went away"
	}
	if !s.reads.add(&rec) {
		return &Error{Kind: Unavailable, Detail: "audit record full", Err: outcome}
	}
	return outcome
}

// checkRuntime checks the address of a runtime. "" is none.
func checkRuntime(text string) error {
	if text == "" {
		return nil
	}
	if err := checkText("runtime", text); err != nil {
		return err
	}
	if !IsRuntimeURL(text) {
		return RefusedMember("runtime", "runtime must be http://HOST or https://HOST, with a port and a path if need be")
	}
	return nil
}

// IsRuntimeURL reports whether a text is the address of a runtime: scheme and host,
// and perhaps a path below which it takes calls.
func IsRuntimeURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}
