package sqlstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// withAdvice is wrapPostgres for the start of a server: it adds what can be done.
func withAdvice(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		e = &pgconn.PgError{}
	}
	err = wrapPostgres(err)
	switch {
	case err == nil:
		return nil
	case e.Code == protocolViolation && strings.Contains(e.Message, "startup parameter"):
		_, name, _ := strings.Cut(e.Message, ": ")
		return fmt.Errorf("%w: a connection pooler stands between, and does not pass this setting on: take %s "+
			"out of the URL, and give it to the database's user instead (ALTER ROLE … SET)", err, name)
	case e.Code == protocolViolation && strings.Contains(e.Message, "statement pooling"):
		return fmt.Errorf("%w: a connection pooler stands between, and lends sessions for one statement, but changes "+
			"need transactions: set its pool_mode to transaction or session", err)
	case strings.Contains(err.Error(), "server refused TLS connection"): // the driver's text
		return fmt.Errorf("%w: give the server a certificate; or, if the network between is yours alone, say "+
			"sslmode=disable in the URL", err)
	}
	return err
}
