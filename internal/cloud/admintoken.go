package cloud

import (
	"cmp"
	"context"
	"encoding/base32"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Role is what the holder of an admin token may do.
type Role string

// The roles. What each may do is said of each route of package admin.
const (
	RoleAdmin     Role = "admin"     // everything
	RoleOperator  Role = "operator"  // everything but tokens, keys and backups
	RoleDeveloper Role = "developer" // reading
	RoleAuditor   Role = "auditor"   // reading, but no tickets and no code, and the audit record
	RoleMonitor   Role = "monitor"   // status and metrics
)

// Roles are all roles.
var Roles = []Role{RoleAdmin, RoleOperator, RoleDeveloper, RoleAuditor, RoleMonitor}

// AdminToken is a token of the admin interface. Its MAC is of its name, role and
// expiry too: a row in which one of them was altered recognizes no token. Times
// are Unix milliseconds.
type AdminToken struct {
	Name      string
	Role      Role
	CreatedAt int64
	ExpiresAt int64 // 0: it does not
	UsedAt    int64 // to the minute; 0: never
	MAC       string
}

// AdminTokenStore keeps the tokens of the admin interface.
type AdminTokenStore interface {
	// AdminTokens returns all tokens, in no particular order.
	AdminTokens(ctx context.Context) ([]AdminToken, error)
	// AddAdminToken adds a token, and returns false if there is one of its name.
	AddAdminToken(ctx context.Context, t AdminToken, rec Record) (bool, error)
	// RemoveAdminToken removes a token, and returns false if there is none.
	RemoveAdminToken(ctx context.Context, name string, rec Record) (bool, error)
	// NoteAdminTokenUse notes when the token with that name and MAC was used,
	// unless a later time is noted.
	NoteAdminTokenUse(ctx context.Context, name, mac string, at int64) error
}

const (
	actAddAdminToken    = "admin-token create"
	actRevokeAdminToken = "admin-token revoke"
	actRotateAdminToken = "admin-token rotate"
	actAdmin            = "admin" // a request of the admin interface that was refused

	// adminTokenPrefix shows what a token is, to whoever finds one.
	adminTokenPrefix = "opentcb."
	// FirstAdmin is the name of the token in the file of the data folder.
	FirstAdmin = "admin-token"
	// maxAdminTokens bounds how many there are: all are in memory together, so
	// that a name that is none costs no read.
	maxAdminTokens = 1000
	// useNoted is how often the use of a token is noted at most.
	useNoted = time.Minute
)

// adminTokenName is what an admin token may be called.
var adminTokenName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)

// macRow is what the MAC of a token is of, besides the token.
func (t AdminToken) macRow() []string {
	return []string{t.Name, string(t.Role), fmt.Sprint(t.ExpiresAt)}
}

// Key is the token's place in the list.
func (t AdminToken) Key() []string { return []string{t.Name} }

// uses is when the tokens were last noted as used, by this server.
type uses struct {
	mu sync.Mutex
	at map[string]int64
}

// due reports whether the use of a token is to be noted now.
func (u *uses) due(t AdminToken, now int64) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now-max(t.UsedAt, u.at[t.MAC]) < useNoted.Milliseconds() {
		return false
	}
	if u.at == nil || len(u.at) > 2*maxAdminTokens { // of tokens that are gone
		u.at = map[string]int64{}
	}
	u.at[t.MAC] = now
	return true
}

// adminTokenRows are all tokens by their names, as one row in memory.
func (s *Service) adminTokenRows(ctx context.Context, want freshness) (map[string]AdminToken, error) {
	return s.adminTokens.get(struct{}{}, want, func() (map[string]AdminToken, error) {
		all, err := s.store.AdminTokens(ctx)
		byName := make(map[string]AdminToken, len(all))
		for _, t := range all {
			byName[t.Name] = t
		}
		return byName, err
	})
}

// AdminCaller returns the caller that an admin token proves, at this moment, and
// its role. InvalidToken if there is no such token, or it has expired.
func (s *Service) AdminCaller(ctx context.Context, token, rid string) (Caller, Role, error) {
	c := s.OperatorCaller(rid)
	rest, ok := strings.CutPrefix(token, adminTokenPrefix)
	if !ok {
		return Caller{}, "", Refused(InvalidToken, "")
	}
	all, err := s.adminTokenRows(ctx, cached)
	if err != nil {
		return Caller{}, "", storeError("admin tokens", err)
	}
	name, _, _ := strings.Cut(rest, ".")
	t, ok := all[name]
	if !ok || t.ExpiresAt != 0 && c.Now >= t.ExpiresAt || !s.ring.CheckMAC(adminTokenPurpose, t.macRow(), token, t.MAC) {
		return Caller{}, "", Refused(InvalidToken, "")
	}
	if s.uses.due(t, c.Now) {
		if err := s.store.NoteAdminTokenUse(ctx, t.Name, t.MAC, c.Now); err != nil {
			s.log.Warn("the use of an admin token was not noted", "token", t.Name, "err", err)
		}
	}
	return c.by(t.Name), t.Role, nil
}

// FirstAdminCaller returns the operator as the caller that the token of the data
// folder proves, at this moment.
func (s *Service) FirstAdminCaller(rid string) Caller {
	return s.OperatorCaller(rid).by(FirstAdmin)
}

// by names the admin token that proved a caller.
func (c Caller) by(name string) Caller {
	c.By = "token:" + name
	return c
}

// CreateAdminToken makes a token, which is returned this once and not stored.
// life is how long it is good; 0 for ever. Conflict if there is one of that name.
func (s *Service) CreateAdminToken(
	ctx context.Context, c Caller, name string, role Role, life time.Duration,
) (AdminToken, string, error) {
	t := AdminToken{Name: name, Role: role, CreatedAt: c.Now}
	switch {
	case !adminTokenName.MatchString(name) || name == FirstAdmin:
		return t, "", RefusedMember("name", "name must be 1 to 63 letters, digits, - or _, begin with a letter, and not be "+FirstAdmin)
	case !slices.Contains(Roles, role):
		return t, "", RefusedMember("role", fmt.Sprintf("role must be one of %v", Roles))
	case life < 0:
		return t, "", RefusedMember("expires_in", "expires_in must be more than 0")
	case life > 0:
		t.ExpiresAt = c.Now + life.Milliseconds()
	}
	all, err := s.adminTokenRows(ctx, reread)
	switch {
	case err != nil:
		return t, "", storeError("admin tokens", err)
	case len(all) >= maxAdminTokens:
		return t, "", Refused(Conflict, fmt.Sprintf("there are %d admin tokens, and no more can be: revoke one", len(all)))
	}
	token := adminTokenPrefix + name + "." + RandomText(s.random)
	t.MAC = s.ring.MAC(adminTokenPurpose, t.macRow(), token)
	rec := c.record(actAddAdminToken, "token "+name)
	rec.Detail = "role " + string(role)
	added, err := s.store.AddAdminToken(ctx, t, rec)
	s.adminTokens.drop(struct{}{})
	switch {
	case err != nil:
		return t, "", storeError("create admin token", err)
	case !added:
		return t, "", Refused(Conflict, "there is an admin token "+name+": revoke it, or choose another name")
	}
	return t, token, nil
}

// AdminTokens returns a page of the tokens, by their names.
func (s *Service) AdminTokens(ctx context.Context, p Page) ([]AdminToken, error) {
	all, err := s.store.AdminTokens(ctx)
	if err != nil {
		return nil, storeError("admin tokens", err)
	}
	slices.SortFunc(all, func(a, b AdminToken) int { return cmp.Compare(a.Name, b.Name) })
	if len(p.After) > 0 {
		all = slices.DeleteFunc(all, func(t AdminToken) bool { return t.Name <= p.After[0] })
	}
	return all[:min(len(all), p.Limit)], nil
}

// RevokeAdminToken ends a token: at once on this server, and within a second on
// others. NotFound if there is none of that name.
func (s *Service) RevokeAdminToken(ctx context.Context, c Caller, name string) error {
	if name == FirstAdmin {
		return Refused(Conflict, "the token of the file admin-token cannot be revoked: rotate it")
	}
	if !adminTokenName.MatchString(name) {
		return Refused(NotFound, "there is no such admin token")
	}
	removed, err := s.store.RemoveAdminToken(ctx, name, c.record(actRevokeAdminToken, "token "+name))
	s.adminTokens.drop(struct{}{})
	switch {
	case err != nil:
		return storeError("revoke admin token", err)
	case !removed:
		return Refused(NotFound, "no admin token "+name)
	}
	return nil
}

// RecordRotation records that the token of the data folder is replaced.
func (s *Service) RecordRotation(ctx context.Context, c Caller, overlap time.Duration) error {
	rec := c.record(actRotateAdminToken, "token "+FirstAdmin)
	rec.Detail = "overlap " + overlap.String()
	return storeError("record of a rotation", s.store.AppendRecords(ctx, []Record{rec}))
}

// RefuseAdminToken records and logs a false admin token from an address: the first,
// and then each minute how many came, since anybody can guess without end. It
// returns an error if it cannot be recorded.
func (s *Service) RefuseAdminToken(rid, address string) error {
	return s.refuseAdmin(s.caller(rid), address, Refused(InvalidToken, ""))
}

// RefuseRole does the same for a token whose role does not suffice for a route.
func (s *Service) RefuseRole(c Caller, route, why string) error {
	return s.refuseAdmin(c, route, Refused(WrongTokenKind, why))
}

func (s *Service) refuseAdmin(c Caller, target string, outcome error) error {
	rec := c.record(actAdmin, target)
	rec.Code, rec.Detail = CodeOf(outcome), refusalDetail(outcome)
	if !s.repeats.first(rec, 0) {
		return nil
	}
	s.logRefused(rec)
	if !s.reads.add(&rec) {
		return &Error{Kind: Unavailable, Detail: "audit record full", Err: outcome}
	}
	return nil
}

// dueRepeats are the counts of refusals of the minutes before that of a time.
func (s *Service) dueRepeats(now int64) []Record {
	recs := s.repeats.due(now)
	for _, rec := range recs {
		if rec.Action == actAdmin {
			s.logRefused(rec)
		}
	}
	return recs
}

// logRefused logs the refusal of a request of the admin interface, or how many
// there were.
func (s *Service) logRefused(rec Record) {
	what := "from" // an address
	if rec.By != "" {
		what = "route"
	}
	s.log.Warn("admin request refused", "rid", rec.RID, "errcode", rec.Code, "by", rec.By, what, rec.Target, "detail", rec.Detail)
}

// RandomText returns 26 letters and digits of a generator, which nobody can guess
// if that is the system's.
func RandomText(random io.Reader) string {
	raw := make([]byte, 17)
	_, _ = io.ReadFull(random, raw) // none of the generators fails
	return base32.StdEncoding.EncodeToString(raw)[:26]
}
