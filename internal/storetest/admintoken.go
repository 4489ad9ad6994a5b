package storetest

import (
	"cmp"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
)

// adminToken is a token with no zero member.
func adminToken(name string) cloud.AdminToken {
	return cloud.AdminToken{
		Name: name, Role: cloud.RoleAuditor, CreatedAt: someTime, ExpiresAt: someTime + 1000, UsedAt: someTime + 1,
		MAC: "mac-of-" + name,
	}
}

// addAdminTokens adds tokens, without asking for their records.
func (e *exam) addAdminTokens(names ...string) {
	e.Helper()
	for _, name := range names {
		ok, err := e.store.AddAdminToken(e.Context(), adminToken(name), cloud.Record{At: 1})
		e.is(true)("AddAdminToken", ok, err)
	}
}

// adminTokens returns all tokens, by name.
func (e *exam) adminTokens() []cloud.AdminToken {
	e.Helper()
	all, err := e.store.AdminTokens(e.Context())
	e.ok("AdminTokens", err)
	slices.SortFunc(all, func(a, b cloud.AdminToken) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// adminTokenLife: a token is added once, removed once, and its use is noted
// forwards only, and for the token alone that was used.
func adminTokenLife(e *exam) {
	ctx, s := e.Context(), e.store
	e.addAdminTokens("first", "second")
	first, second := adminToken("first"), adminToken("second")
	e.same("the tokens", e.adminTokens(), []cloud.AdminToken{first, second})

	rec := e.rec("create")
	ok, err := s.AddAdminToken(ctx, cloud.AdminToken{Name: "first", Role: cloud.RoleAdmin, MAC: "another"}, rec)
	e.is(false)("AddAdminToken of a name that is taken", ok, err)
	e.wroteNot(rec)

	e.ok("NoteAdminTokenUse", s.NoteAdminTokenUse(ctx, "first", first.MAC, someTime+60))
	e.ok("NoteAdminTokenUse of before", s.NoteAdminTokenUse(ctx, "first", first.MAC, someTime+50))
	e.ok("NoteAdminTokenUse of another", s.NoteAdminTokenUse(ctx, "second", first.MAC, someTime+70))
	e.ok("NoteAdminTokenUse of none", s.NoteAdminTokenUse(ctx, "none", first.MAC, someTime+70))
	first.UsedAt = someTime + 60
	e.same("the tokens after a use", e.adminTokens(), []cloud.AdminToken{first, second})

	rec = e.rec("revoke")
	ok, err = s.RemoveAdminToken(ctx, "first", rec)
	e.is(true)("RemoveAdminToken", ok, err)
	e.wrote(rec)
	rec = e.rec("revoke")
	ok, err = s.RemoveAdminToken(ctx, "first", rec)
	e.is(false)("RemoveAdminToken again", ok, err)
	e.wroteNot(rec)
	rec = e.rec("create")
	first.MAC = "another"
	ok, err = s.AddAdminToken(ctx, first, rec)
	e.is(true)("AddAdminToken of a name that is free again", ok, err)
	e.wrote(rec)
	e.store = e.Reopen(e.T, e.store)
	e.same("the tokens after reopening", e.adminTokens(), []cloud.AdminToken{first, second})
}

// adminTokenContention: of many who make a token of one name, one does.
func adminTokenContention(e *exam) {
	n := e.together(func(int) (bool, error) {
		return e.store.AddAdminToken(e.Context(), adminToken("third"), e.rec("create"))
	})
	e.same("who made it", n, 1)
	n = e.together(func(int) (bool, error) { return e.store.RemoveAdminToken(e.Context(), "third", e.rec("revoke")) })
	e.same("who removed it", n, 1)
}
