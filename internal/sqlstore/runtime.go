package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
)

// marksAtOnce is of how many environments one statement reads the marks.
const marksAtOnce = 256

// RuntimeMarks implements cloud.Store.
func (s *Store) RuntimeMarks(
	ctx context.Context, envs []cloud.EnvironmentKey,
) (map[cloud.EnvironmentKey]string, error) {
	marks := make(map[cloud.EnvironmentKey]string, len(envs))
	for from := 0; from < len(envs); from += marksAtOnce {
		query, args := selectMarks(envs[from:min(from+marksAtOnce, len(envs))])
		err := s.read(ctx).rows(query, args, func(r *sql.Rows) error {
			var key cloud.EnvironmentKey
			var mark string
			err := r.Scan(&key.Account, &key.Env, &mark)
			marks[key] = mark
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return marks, nil
}

// selectMarks returns a query for marks, and its parameters: as many as a power of two,
// since statements are kept by their text.
func selectMarks(envs []cloud.EnvironmentKey) (string, []any) {
	n := 1
	for n < len(envs) {
		n *= 2
	}
	pairs, args := make([]string, n), make([]any, 0, 2*n)
	for i := range pairs {
		pairs[i] = fmt.Sprintf("($%d, $%d)", 2*i+1, 2*i+2)
		key := envs[min(i, len(envs)-1)]
		args = append(args, key.Account, key.Env)
	}
	return `SELECT account, id,
			(SELECT CAST(coalesce(max(epoch), 0) AS TEXT) FROM env_credentials c WHERE c.account = e.account AND c.env = e.id)
			|| coalesce((SELECT string_agg(substr(g.sealed, length(g.sealed) - 15), ',' ORDER BY g.name, g.kind)
				FROM function_configs g WHERE g.account = e.account AND g.env = e.id), '')
			|| coalesce((SELECT string_agg(f.name || ' ' || substr(f.sum, 1, 16) || CAST(f.modified_at AS TEXT), ',' ORDER BY f.name)
				FROM functions f WHERE f.account = e.account AND f.env = e.id), '')
		FROM environments e WHERE (account, id) IN (VALUES ` + strings.Join(pairs, ", ") + ")", args
}
