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

// isText wants a column to have the text, if one is given. That the text is not ”
// is said again, for indexes that have only rows with one.
func (l *selection) isText(column string, is cloud.Maybe[string]) {
	if !is.Given {
		return
	}
	l.args = append(l.args, is.Value)
	l.where += fmt.Sprintf(" AND %s = $%d", column, len(l.args))
	if is.Value != "" {
		l.where += " AND " + column + " <> ''"
	}
}

// isTrue wants a condition to hold, or not to hold, if that is given.
func (l *selection) isTrue(condition string, is cloud.Maybe[bool]) {
	switch {
	case is.Given && is.Value:
		l.where += " AND " + condition
	case is.Given:
		l.where += " AND NOT " + condition
	}
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
