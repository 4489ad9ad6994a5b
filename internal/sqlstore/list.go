package sqlstore

import (
	"fmt"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
)

// selection is the conditions of a list and their parameters.
type selection struct {
	where string
	args  []any
}

// add adds a condition, in which "$" stands for the value.
func (l *selection) add(condition string, value any) {
	l.args = append(l.args, value)
	l.where += " AND " + strings.ReplaceAll(condition, "$", fmt.Sprintf("$%d", len(l.args)))
}

// page returns a query, which ends with a condition, for a page of what is
// selected, and its parameters. The columns of the key lead an index, so a page
// costs the same wherever it is in the list.
func (l *selection) page(query string, p cloud.Page, key ...string) (string, []any) {
	var params []string
	for i := range key {
		params = append(params, fmt.Sprintf("$%d", len(l.args)+1+i))
	}
	args := append(l.args, p.Key(len(key))...)
	columns := strings.Join(key, ", ")
	return fmt.Sprintf("%s%s AND (%s) > (%s) ORDER BY %s LIMIT $%d", query, l.where,
		columns, strings.Join(params, ", "), columns, len(args)+1), append(args, p.Limit)
}
