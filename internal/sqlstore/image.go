package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An image is a file with all rows of an SQLite database, as of one moment, for
// servers in test mode, which put them back. meta and the tokens of the admin
// interface are not put back.

// keptTables are those that an image does not change.
var keptTables = []string{"admin_tokens"}

// SaveImage writes an image to a file that is not there. It returns the SHA-256 of
// each piece of code that its rows name.
func (s *Store) SaveImage(ctx context.Context, file string) (code []string, err error) {
	err = s.onSession(ctx, func(conn *sql.Conn) error {
		if _, err := conn.ExecContext(ctx, "VACUUM INTO $1", file); err != nil {
			return err
		}
		code, err = codeOf(ctx, conn, "main")
		return err
	})
	return code, err
}

// RestoreImage brings all rows to those of an image, in one transaction, and
// returns the lines of tokens from then on: those of the image, and one that there
// never was; or with again the one that began when the image was made, so that
// what was issued since is good again. Nobody may change rows meanwhile.
func (s *Store) RestoreImage(ctx context.Context, file string, again bool) (lines []int64, err error) {
	err = s.onImage(ctx, file, func(conn *sql.Conn) error {
		if err := checkImage(ctx, conn); err != nil {
			return err
		}
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		for _, t := range tables() {
			if slices.Contains(keptTables, t.Name) {
				continue
			}
			// Without a list of columns SQLite copies whole pages.
			if _, err := tx.ExecContext(ctx, "DELETE FROM main."+t.Name); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO main."+t.Name+" SELECT * FROM image."+t.Name); err != nil {
				return err
			}
		}
		now, err := linesOf(ctx, tx, "main")
		if err != nil {
			return err
		}
		if lines, err = linesOf(ctx, tx, "image"); err != nil {
			return err
		}
		if again {
			now = lines
		}
		lines = append(lines, slices.Max(now)+1)
		if _, err := tx.ExecContext(ctx, putMeta, "lines", formatLines(lines)); err != nil {
			return err
		}
		return tx.Commit()
	})
	return lines, err
}

// checkImage refuses an image of another version of the program.
func checkImage(ctx context.Context, conn *sql.Conn) error {
	var version int64
	err := conn.QueryRowContext(ctx, "SELECT max(version_id) FROM image.goose_db_version").Scan(&version)
	if err == nil && version != SchemaVersion() {
		err = fmt.Errorf("it is of schema %d, and this program's is %d", version, SchemaVersion())
	}
	return err
}

// ImageCode returns the SHA-256 of each piece of code that the rows of an image
// name; of those that are there for "".
func (s *Store) ImageCode(ctx context.Context, file string) (sums []string, err error) {
	read := func(from string) func(*sql.Conn) error {
		return func(conn *sql.Conn) (err error) {
			sums, err = codeOf(ctx, conn, from)
			return err
		}
	}
	if file == "" {
		err = s.onSession(ctx, read("main"))
	} else {
		err = s.onImage(ctx, file, read("image"))
	}
	return sums, err
}

func codeOf(ctx context.Context, conn *sql.Conn, database string) (sums []string, err error) {
	rows, err := conn.QueryContext(ctx, "SELECT sum FROM "+database+".code")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var sum string
		if err := rows.Scan(&sum); err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	return sums, rows.Err()
}

// Lines returns the lines of tokens, of which the last signs (seal.Ring.UseLines).
func (s *Store) Lines(ctx context.Context) ([]int64, error) {
	text, err := s.read(ctx).meta("lines")
	if err != nil || text == "" {
		return firstLines(), err
	}
	return parseLines(text)
}

// BeginLine adds a line of tokens that there never was, and returns all of them.
func (s *Store) BeginLine(ctx context.Context) ([]int64, error) {
	lines, err := s.Lines(ctx)
	if err != nil {
		return nil, err
	}
	lines = append(lines, slices.Max(lines)+1)
	return lines, s.writer.write(ctx, func(t *tx) error {
		_, err := t.exec(putMeta, "lines", formatLines(lines))
		return err
	})
}

func linesOf(ctx context.Context, q *sql.Tx, database string) ([]int64, error) {
	var text string
	err := q.QueryRowContext(ctx, "SELECT value FROM "+database+".meta WHERE name = 'lines'").Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return firstLines(), nil
	}
	if err != nil {
		return nil, err
	}
	return parseLines(text)
}

// firstLines are those of a database that has named none.
func firstLines() []int64 { return []int64{0} }

func parseLines(text string) (lines []int64, err error) {
	for word := range strings.SplitSeq(text, ",") {
		line, errNumber := strconv.ParseInt(word, 10, 64)
		err = errors.Join(err, errNumber)
		lines = append(lines, line)
	}
	return lines, err
}

func formatLines(lines []int64) string {
	words := make([]string, len(lines))
	for i, line := range lines {
		words[i] = strconv.FormatInt(line, 10)
	}
	return strings.Join(words, ",")
}

// onImage calls do with a connection that has an image, as the database image.
func (s *Store) onImage(ctx context.Context, file string, do func(*sql.Conn) error) error {
	return s.onSession(ctx, func(conn *sql.Conn) error {
		if _, err := conn.ExecContext(ctx, "ATTACH DATABASE $1 AS image", file); err != nil {
			return err
		}
		return do(conn)
	})
}

// onSession calls do with a connection of its own.
func (s *Store) onSession(ctx context.Context, do func(*sql.Conn) error) error {
	if _, ok := s.engine.(*sqliteDB); !ok {
		return errors.New("only a database in the data folder has images")
	}
	db, err := s.openSession(true)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return s.read(ctx).wrapError(err)
	}
	defer conn.Close()
	if err := do(conn); err != nil {
		return s.read(ctx).wrapError(err)
	}
	return nil
}
