package node

import (
	"cmp"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// kinds returns what database and code are kept in.
func (n *Node) kinds() (database, code string) {
	database, _, _ = strings.Cut(cmp.Or(n.cfg.Database, "sqlite"), "://")
	code, _, _ = strings.Cut(cmp.Or(n.cfg.Blobs, "folder"), ":")
	return database, code
}

// status tells how the server is. It waits for nothing: what has to be measured was
// measured before.
func (n *Node) status() admin.Status {
	rules, now := n.stack.Load().cloud.Usage(), n.usage.last()
	st := admin.Status{
		Version: strings.TrimPrefix(Version(), "opentcb "), Schema: sqlstore.SchemaVersion(),
		KeyIDs: []string{n.storage.Ring.KeyID()}, StartedAt: n.started.UTC(),
		UptimeSeconds: int64(time.Since(n.started).Seconds()),
		Intercept:     n.InterceptURL(), InterceptCA: n.interceptCA(),
		AuditBacklog: rules.Records, AuditBacklogLimit: rules.RecordsMax,
	}
	st.Database, st.Code = n.kinds()
	if now.backup != 0 {
		st.LastBackup = time.UnixMilli(now.backup).UTC()
	}
	if now.measured {
		c, z := now.counts, now.sizes
		st.Stored = &admin.Stored{
			MeasuredAt: now.at.UTC(), Platforms: c.Platforms, MiniPrograms: c.MiniPrograms, Environments: c.Environments,
			Functions: c.Functions, Authorizations: c.Authorizations, AuthorizationsInForce: c.InForce,
			DatabaseBytes: z.Database, DatabaseLogBytes: z.Log, CodeBytes: z.Code,
		}
	}
	return st
}
