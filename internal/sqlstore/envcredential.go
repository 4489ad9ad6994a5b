package sqlstore

import (
	"context"
	"errors"

	"github.com/opentcb/opentcb/internal/cloud"
)

// CredentialEpoch implements cloud.Store.
func (s *Store) CredentialEpoch(ctx context.Context, account, env string) (int64, error) {
	var epoch int64
	var mac string
	err := s.read(ctx).row("SELECT epoch, mac FROM env_credentials WHERE account = $1 AND env = $2",
		[]any{account, env}, &epoch, &mac)
	if errors.Is(err, cloud.ErrNotFound) {
		return 0, nil
	}
	if err == nil {
		err = s.guard.check(grantedCredential, mac, account, env, epoch)
	}
	return epoch, err
}

// RevokeCredentials implements cloud.Store.
func (s *Store) RevokeCredentials(ctx context.Context, account, env string, rec cloud.Record) error {
	return s.writer.writeFor(ctx, account, func(t *tx) error {
		t.record(rec) // only if there is such an environment: else nothing is left of the change
		return t.nextCredentialEpoch(account, env, max(rec.At, 1))
	})
}

// nextCredentialEpoch begins an epoch of an environment's credentials: cloud.ErrNotFound
// if there is no such environment. at is the time, in Unix milliseconds.
func (t *tx) nextCredentialEpoch(account, env string, at int64) error {
	err := t.hit(`INSERT INTO env_credentials (account, env, epoch)
		SELECT account, id, $3 FROM environments WHERE account = $1 AND id = $2
		ON CONFLICT (account, env) DO UPDATE SET epoch = CASE WHEN env_credentials.epoch < excluded.epoch
			THEN excluded.epoch ELSE env_credentials.epoch + 1 END`, account, env, at)
	if err != nil {
		return err
	}
	return t.vouchRow(grantedCredential, account, env)
}
