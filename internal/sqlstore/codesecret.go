package sqlstore

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
)

// CodeSecret implements cloud.Store.
func (s *Store) CodeSecret(ctx context.Context, platform, appid string) (string, error) {
	var sealed string
	err := s.read(ctx).row("SELECT sealed FROM code_secrets WHERE appid = $1 AND platform = $2",
		[]any{appid, platform}, &sealed)
	return sealed, err
}

// AddCodeSecret implements cloud.Store.
func (s *Store) AddCodeSecret(ctx context.Context, platform, appid, sealed string, rec cloud.Record) (string, error) {
	var added bool
	err := s.writer.writeFor(ctx, appid, func(t *tx) error {
		if err := t.keepAuthorization(platform, appid); err != nil {
			return err
		}
		n, err := t.exec(`INSERT INTO code_secrets (appid, platform, sealed) VALUES ($1, $2, $3)
			ON CONFLICT (appid, platform) DO NOTHING`, appid, platform, sealed)
		if added = n > 0; added && err == nil {
			t.record(rec)
		}
		return err
	})
	if err != nil || added {
		return sealed, err
	}
	return s.CodeSecret(ctx, platform, appid)
}
