package cloud

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/whitelist"
	"github.com/opentcb/opentcb/tcb"
)

// CloudbaseLife is how long a cloudbase_access_token is good (CC-6).
const CloudbaseLife = 30 * time.Minute

const actCloudbaseToken = "cloudbase_access_token"

// CloudCall is a call of an open interface that code in an environment may
// make, or, with an error, may not. Account is the Mini Program, or the platform of
// a batch environment; both are empty if the token does not say.
type CloudCall struct {
	Account string
	Env     string
	Path    whitelist.Path
}

// CloudbaseToken returns a token with which code in an environment calls open
// interfaces (CC-6). Those issued before stay good until they expire, or the
// credentials of the environment are revoked.
// EnvironmentNotFound, Conflict for an account that is disabled or without cloud
// development, or LimitReached for a runtime that has got too many in this minute.
func (s *Service) CloudbaseToken(ctx context.Context, c Caller, env string) (Token, error) {
	e, err := s.environmentByID(ctx, env)
	if err != nil {
		return Token{}, err
	}
	switch {
	case e.Disabled:
		return Token{}, Refused(Conflict, e.Account+" is disabled")
	case !e.Cloud:
		return Token{}, Refused(Conflict, "cloud development is not opened for "+e.Account)
	}
	rec, err := s.recordOn(ctx, c, actCloudbaseToken, e)
	epoch := e.CredentialEpoch + 1
	if c.runtime && err == nil {
		if err := s.mints.take(EnvironmentKey{e.Account, e.ID}, c.Now); err != nil {
			about := c
			about.Platform, about.AppID = rec.Platform, rec.AppID
			return Token{}, s.recordOnce(about, actCloudbaseToken, rec.Target, 0, err)
		}
		// A credential that is revoked at this moment gives a token that is void.
		rec.Detail, epoch = "runtime", c.epoch+1
	}
	if err == nil {
		err = s.store.AppendRecords(ctx, []Record{rec})
	}
	if err != nil {
		return Token{}, storeError("cloudbase token", err)
	}
	return s.sign(claim{kind: CloudbaseToken, issued: rec.At, epoch: epoch, appid: e.Account, env: e.ID}, rec.At), nil
}

// JudgeCall returns the call that code in the environment of a token may make
// (CC-2), or why it may not: InvalidToken, TokenExpired, SwitchClosed,
// NotWhitelisted, or Unavailable when that cannot be known (CC-8). path is as it
// came on the wire, without the query.
func (s *Service) JudgeCall(ctx context.Context, rid, token, path string) (CloudCall, error) {
	ctx, end := s.WithCallDeadline(ctx)
	defer end()
	j := judgement{rid: rid, at: s.now(), token: token, path: path}
	call, err := s.judge(ctx, &j)
	j.code = CodeOf(err)
	s.observer.add(&j)
	return call, err
}

// RefuseOwnCall returns why a cloudbase_access_token cannot call one of the
// server's own interfaces: InvalidToken, TokenExpired, or WrongTokenKind, whatever
// is on the whitelist (CC-5).
func (s *Service) RefuseOwnCall(rid, token, path string) (CloudCall, error) {
	j := judgement{rid: rid, at: s.now(), token: token, path: path}
	err := s.checkCloudbase(&j)
	if err == nil {
		err = Refused(WrongTokenKind, "a cloudbase_access_token calls only open interfaces")
	}
	j.code = CodeOf(err)
	s.observer.add(&j)
	return CloudCall{Account: j.key.Account, Env: j.key.Env}, err
}

// checkCloudbase returns nil if the token is a genuine cloudbase token that has not
// expired, and notes its environment and the epoch of its claim.
func (s *Service) checkCloudbase(j *judgement) error {
	c, err := s.claimOf(j.token)
	switch {
	case err != nil:
		return err
	case c.kind != CloudbaseToken:
		return Refused(s.invalid, "not a cloudbase_access_token")
	}
	j.key, j.epoch = EnvironmentKey{c.appid, c.env}, c.epoch
	if j.at >= c.expires {
		return Refused(TokenExpired, "")
	}
	return nil
}

// judgement is what is observed of a call.
type judgement struct {
	rid     string
	token   string
	at      int64 // Unix milliseconds
	key     EnvironmentKey
	epoch   int64  // of the token
	version int64  // of the permission that was in force; 0 if it did not come to that
	path    string // as it came
	reason  string // why the path is not in plain form; "" if it is
	code    tcb.Code
}

func (s *Service) judge(ctx context.Context, j *judgement) (CloudCall, error) {
	err := s.checkCloudbase(j)
	call := CloudCall{Account: j.key.Account, Env: j.key.Env}
	if err != nil {
		return call, err
	}
	e, err := s.environment(ctx, cached, j.key.Account, j.key.Env)
	if err != nil {
		return call, notFoundAs(InvalidToken, "", err)
	}
	if j.epoch != 0 && j.epoch != e.CredentialEpoch+1 { // 0: issued by a server before
		return call, Refused(s.invalid, "the credentials of the environment were revoked")
	}
	j.version = e.Version
	path, err := e.admits.Judge(j.path)
	if form, ok := errors.AsType[*whitelist.FormError](err); ok {
		j.reason = form.Reason
	} else if strings.Contains(j.path, j.token) {
		j.reason = "holds the token" // which must not reach the upstream
	}
	switch {
	case e.Disabled:
		return CloudCall{}, Refused(SwitchClosed, "the account is disabled")
	case !e.Cloud:
		return call, Refused(SwitchClosed, "cloud development is not opened")
	case !e.Open:
		return call, Refused(SwitchClosed, "")
	case j.reason != "":
		return call, Refused(NotWhitelisted, "the path "+j.reason)
	case err != nil:
		return call, Refused(NotWhitelisted, "")
	}
	call.Path = path
	return call, nil
}

// DefaultCloudbaseTokens is how many cloudbase_access_tokens the runtimes of one
// environment get in a minute: those of 6,000 that renew theirs every ten minutes.
const DefaultCloudbaseTokens = 600

// mints counts the tokens that runtimes got, by environment. Each costs a synced
// write and an audit record, and whoever has got hold of a credential could ask for
// them without end. It is safe for concurrent use.
type mints struct {
	most   int // in a minute
	mu     sync.Mutex
	minute int64
	got    map[EnvironmentKey]int // in that minute
}

// take returns nil if a runtime of an environment may have another token, at that
// time in Unix milliseconds, and LimitReached if not.
func (m *mints) take(env EnvironmentKey, now int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if minute := now / 60_000; m.got == nil || minute != m.minute {
		m.minute, m.got = minute, map[EnvironmentKey]int{}
	}
	if m.got[env] >= m.most {
		return Refused(LimitReached, fmt.Sprintf(
			"the runtimes of the environment have got %d tokens in this minute: try again in the next", m.most))
	}
	m.got[env]++
	return nil
}
