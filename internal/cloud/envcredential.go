package cloud

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/opentcb/opentcb/internal/seal"
)

const (
	actEnvCredential       = "env-credential"
	actRevokeEnvCredential = "revoke env-credential"
)

// CredentialStore keeps the epochs of environments' credentials.
type CredentialStore interface {
	// CredentialEpoch returns the epoch of an environment's credentials: new with
	// each revocation, like those of authorizations. 0 is that of an environment
	// that a server of before made, until the first revocation.
	CredentialEpoch(ctx context.Context, account, env string) (int64, error)
	// RevokeCredentials begins another epoch of an environment's credentials.
	RevokeCredentials(ctx context.Context, account, env string, rec Record) error
}

// EnvironmentCredential returns what the runtime of an environment proves itself
// with to get cloudbase_access_tokens of that environment, with code also what it runs
// (RT-1), and nothing else. It is
// good for that life, and without end if that is 0, unless it is revoked.
// EnvironmentNotFound if there is no such environment.
func (s *Service) EnvironmentCredential(
	ctx context.Context, c Caller, env string, life time.Duration, code bool,
) (string, error) {
	e, err := s.environmentByID(ctx, env)
	if err != nil {
		return "", err
	}
	epoch, err := s.store.CredentialEpoch(ctx, e.Account, e.ID)
	if err != nil {
		return "", storeError("credential", err)
	}
	rec, err := s.recordOn(ctx, c, actEnvCredential, e)
	var ends int64
	rec.Detail = "does not expire"
	if life > 0 {
		ends = c.Now + life.Milliseconds()
		rec.Detail = "until " + time.UnixMilli(ends).UTC().Format(time.RFC3339)
	}
	if code {
		rec.Detail = "with code, " + rec.Detail
	}
	if err == nil {
		err = s.store.AppendRecords(ctx, []Record{rec})
	}
	if err != nil {
		return "", storeError("credential", err)
	}
	return s.ring.Sign(seal.Credential, credentialClaim(e, epoch, ends, code)), nil
}

// opensCode ends the claim of a credential that opens code.
const opensCode = 1

// credentialClaim returns the content of a credential: the environment, and the epoch
// of its credentials. Those of another epoch are void. One that ends (Unix
// milliseconds) says so, and one that opens code; what does neither is what servers of
// before know too.
func credentialClaim(e *Environment, epoch, ends int64, code bool) []byte {
	claim := appendText(appendText(binary.AppendUvarint(nil, uint64(epoch)), e.Account), e.ID)
	if ends != 0 || code {
		claim = binary.AppendUvarint(claim, uint64(ends))
	}
	if code {
		claim = append(claim, opensCode)
	}
	return claim
}

// RevokeEnvironmentCredentials voids every credential of an environment that was
// given out so far, and every cloudbase_access_token of it. EnvironmentNotFound if
// there is no such environment.
func (s *Service) RevokeEnvironmentCredentials(ctx context.Context, c Caller, env string) error {
	e, err := s.environmentByID(ctx, env)
	if err != nil {
		return err
	}
	rec, err := s.recordOn(ctx, c, actRevokeEnvCredential, e)
	if err == nil {
		err = s.store.RevokeCredentials(ctx, e.Account, e.ID, rec)
		s.environments.drop(EnvironmentKey{e.Account, e.ID})
	}
	if err != nil {
		return storeError("revoke credentials", err)
	}
	return nil
}

// Runtime returns the caller that a credential proves, at this moment: the runtime
// of an environment, which may ask only for tokens of that environment, and perhaps for
// its code.
// InvalidToken if the credential is not genuine, revoked or of another
// environment, TokenExpired.
func (s *Service) Runtime(ctx context.Context, credential, env, rid string) (Caller, error) {
	raw, err := s.ring.Verify(seal.Credential, credential)
	if err != nil {
		return Caller{}, Refused(InvalidToken, "")
	}
	d := decoder{raw}
	epoch, account, id := d.int(), d.text(), d.text()
	c := s.caller(rid)
	if len(d.rest) > 0 {
		c.CredentialEnds = d.int()
	}
	if len(d.rest) > 0 {
		c.code = d.byte() == opensCode
	}
	if err := d.end(); err != nil {
		return Caller{}, internalError("credential", err)
	}
	now, err := s.store.CredentialEpoch(ctx, account, id)
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return Caller{}, storeError("credential", err)
	case err != nil || id != env || now != epoch:
		return Caller{}, Refused(InvalidToken, "")
	case c.CredentialEnds != 0 && c.Now >= c.CredentialEnds:
		return Caller{}, Refused(TokenExpired, "")
	}
	c.runtime, c.epoch = true, epoch
	return c, nil
}
