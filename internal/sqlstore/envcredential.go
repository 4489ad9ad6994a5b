package sqlstore

import (
	"context"
	"errors"

	"github.com/opentcb/opentcb/internal/cloud"
)

// CredentialEpoch implements cloud.Store.
func (s *Store) CredentialEpoch(ctx context.Context, account, env string) (int64, error) {
	var epoch int64
	err := s.read(ctx).row("SELECT epoch FROM env_credentials WHERE account = $1 AND env = $2",
		[]any{account, env}, &epoch)
	if errors.Is(err, cloud.ErrNotFound) {
		return 0, nil
	}
	return epoch, err
}

// RevokeCredentials implements cloud.Store.
func (s *Store) RevokeCredentials(ctx context.Context, account, env string, rec cloud.Record) error {
	return s.writer.writeFor(ctx, account, func(t *tx) error {
		n, err := t.exec(`INSERT INTO env_credentials (account, env, epoch)
			SELECT account, id, 1 FROM environments WHERE account = $1 AND id = $2
			ON CONFLICT (account, env) DO UPDATE SET epoch = env_credentials.epoch + 1`, account, env)
		if err == nil && n == 0 {
			return cloud.ErrNotFound
		}
		t.record(rec)
		return err
	})
}
