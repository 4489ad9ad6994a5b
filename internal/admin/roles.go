package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// right is what a route needs of the role of a token.
type right int

// The rights. A route that names none needs the first.
const (
	toAdminister right = iota // tokens, keys and backups
	toChange                  // what the server keeps
	toReadSecret              // tickets and code
	toAudit                   // the audit record
	toRead                    // what the server keeps
	toWatch                   // how the server is
)

// holders are the roles that have each right.
var holders = map[right][]cloud.Role{
	toAdminister: {cloud.RoleAdmin},
	toChange:     {cloud.RoleAdmin, cloud.RoleOperator},
	toReadSecret: {cloud.RoleAdmin, cloud.RoleOperator, cloud.RoleDeveloper},
	toAudit:      {cloud.RoleAdmin, cloud.RoleOperator, cloud.RoleAuditor},
	toRead:       {cloud.RoleAdmin, cloud.RoleOperator, cloud.RoleDeveloper, cloud.RoleAuditor},
	toWatch:      cloud.Roles,
}

// route is what is done with the requests of a path and method, and the right
// that they need.
type route struct {
	do    handler
	needs right
}

// allow returns nil if a role has the right that a route needs, and else a
// refusal, which is recorded.
func (s *Server) allow(r *http.Request, c cloud.Caller, role cloud.Role, needs right) error {
	if slices.Contains(holders[needs], role) {
		return nil
	}
	var names []string
	for _, holder := range holders[needs] {
		names = append(names, string(holder))
	}
	s.forbidden.Inc()
	why := fmt.Sprintf("the token has the role %s, and this needs %s", role, strings.Join(names, " or "))
	return cmp.Or[error](s.cloud.RefuseRole(c, r.Pattern, why), &httpError{http.StatusForbidden, tcb.Unauthorized, why})
}
