package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/tcb"
)

// The exit statuses of the commands that call the interfaces, besides
// statusDone and statusUsage.
const (
	statusPlatform    = 1 // the platform refused for another reason than those below
	statusUnreachable = 3 // no answer, or none of the platform's
	statusCredentials = 4 // the token, the authorization or a permission set was refused
	statusConflict    = 5 // somebody else has changed it since it was read
	statusChecksum    = 6 // the code does not match its checksum
)

// statusError is an error with an exit status of its own.
type statusError struct {
	error
	status int
}

func (e statusError) Unwrap() error { return e.error }

// provider is a command's way to the interfaces.
type provider struct {
	baseURL, profile, appid string
	profiles                string // file
	json                    bool
}

// providerCommand makes a command that calls the interfaces as a platform.
func providerCommand(use, short, long string, args cobra.PositionalArgs, do func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) error) *cobra.Command {
	p := &provider{}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: usageArgs(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			return byKind(do(cmd, p, c, args))
		},
	}
	p.flags(cmd)
	return cmd
}

func (p *provider) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.baseURL, "base-url", "", "where the interfaces are (default: the profile's, else "+tcb.DefaultBaseURL+")")
	f.StringVar(&p.profile, "profile", "", "profile to use (default: the only one)")
	f.StringVar(&p.appid, "appid", "", "Mini Program of the profile to act for (default: the only one)")
	f.StringVar(&p.profiles, "profiles", "", "file of profiles (default: opentcb/profiles.yaml in the user's configuration folder)")
	f.BoolVar(&p.json, "json", false, "print one JSON value")
}

// accessTokenVariable gives a token that was got elsewhere. There is no flag
// for it: others can see arguments.
const accessTokenVariable = "OPENTCB_ACCESS_TOKEN"

// client returns a client with the token of the variable, or with those that a
// profile's secrets give.
func (p *provider) client() (*tcb.Client, error) {
	if p.baseURL != "" {
		u, err := url.Parse(p.baseURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, usageError{errors.New("--base-url must be http://HOST or https://HOST")}
		}
	}
	if token := os.Getenv(accessTokenVariable); token != "" {
		return &tcb.Client{BaseURL: p.baseURL, Tokens: tcb.StaticToken(token)}, nil
	}
	return p.profileClient()
}

// byKind gives an error the exit status of its kind.
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
	if errors.Is(err, tcb.ErrChecksum) {
		return statusError{err, statusChecksum}
	}
	if e, ok := errors.AsType[*tcb.Error](err); ok {
		return statusError{err, statusOf(e.Code)}
	}
	if _, ok := errors.AsType[*tcb.CodeError](err); ok {
		return statusError{err, statusPlatform}
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
	case 40001, tcb.InvalidToken, tcb.TokenExpired, tcb.MissingToken, tcb.Unauthorized, tcb.NotAuthorized, tcb.MissingPermission,
		tcb.InvalidAppID, tcb.InvalidAppSecret, tcb.TicketInvalid, tcb.TicketExpired, tcb.RefreshTokenInvalid, tcb.UnregisteredAddress:
		return statusCredentials
	case tcb.SystemBusy:
		return statusUnreachable
	}
	return statusPlatform
}

// print writes a result: v as JSON, or text.
func (p *provider) print(w io.Writer, v any, text string) error {
	return printResult(w, p.json, v, text)
}

// of is told how many bytes of how many a step has done; of is -1 if that is
// not known.
func (p *progress) of(step string, done, of int64) {
	if p.w == nil || of <= 0 {
		p.at(step, done)
		return
	}
	now := time.Now()
	if step != p.step {
		p.step, p.begun, p.shown = step, now, time.Time{}
	}
	if now.Sub(p.shown) < 200*time.Millisecond && done < of {
		return
	}
	p.shown = now
	rate := float64(done) / max(0.1, now.Sub(p.begun).Seconds())
	left := time.Duration(float64(of-done) / max(1, rate) * float64(time.Second))
	p.line(fmt.Sprintf("%s: %d %%, %s of %s, %s/s, %v left", step, 100*done/of, size(done), size(of), size(int64(rate)), left.Round(time.Second)))
}
