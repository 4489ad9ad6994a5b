package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// functionColumns are the columns of a function besides its key.
const functionColumns = "name, owner, owner_epoch, sum, size, handler, install_dependency, added_at, modified_at, " +
	"file_sum"

func functionFields(f *cloud.Function) []any {
	return []any{
		&f.Name, &f.Owner, &f.OwnerEpoch, &f.Sum, &f.Size, &f.Handler, &f.InstallDependency, &f.AddedAt, &f.ModifiedAt,
		&f.FileSum,
	}
}

const insertFunction = "INSERT INTO functions (account, env, " + functionColumns + ", mac) " +
	"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (account, env, name)"

func functionValues(g *guard, f cloud.Function) []any {
	return []any{
		f.Account, f.Env, f.Name, f.Owner, f.OwnerEpoch, f.Sum, f.Size, f.Handler, f.InstallDependency,
		f.AddedAt, f.ModifiedAt, f.FileSum,
		g.vouch(grantedCode, f.Account, f.Env, f.Name, f.Owner, f.OwnerEpoch, f.Sum),
	}
}

// Function implements cloud.Store.
func (s *Store) Function(ctx context.Context, account, env, name string) (cloud.Function, error) {
	f := cloud.Function{Account: account, Env: env}
	var mac string
	err := s.read(ctx).row("SELECT "+functionColumns+`, mac FROM functions
		WHERE account = $1 AND env = $2 AND name = $3`, []any{account, env, name}, append(functionFields(&f), &mac)...)
	if err == nil {
		err = s.guard.checkFunction(f, mac)
	}
	if err != nil {
		return cloud.Function{}, err
	}
	return f, nil
}

func (d *guard) checkFunction(f cloud.Function, mac string) error {
	return d.check(grantedCode, mac, f.Account, f.Env, f.Name, f.Owner, f.OwnerEpoch, f.Sum)
}

// Functions implements cloud.Store.
func (s *Store) Functions(ctx context.Context,
	account, env string, offset, limit int64) (page []cloud.Function, total int64, err error) {
	err = s.read(ctx).row("SELECT count(*) FROM functions WHERE account = $1 AND env = $2",
		[]any{account, env}, &total)
	if err != nil {
		return nil, 0, err
	}
	page, err = scanAll(s.read(ctx), s.scanFunction(account, env), "SELECT "+functionColumns+`, mac FROM functions
		WHERE account = $1 AND env = $2 ORDER BY name LIMIT $3 OFFSET $4`, account, env, limit, offset)
	return page, total, err
}

// FunctionPage implements cloud.Store.
func (s *Store) FunctionPage(ctx context.Context, account, env string, p cloud.Page) ([]cloud.Function, error) {
	var sel selection
	sel.isText("account", cloud.Given(account))
	sel.isText("env", cloud.Given(env))
	query, args := sel.page("SELECT "+functionColumns+", mac FROM functions WHERE TRUE", p, "name")
	return scanAll(s.read(ctx), s.scanFunction(account, env), query, args...)
}

// scanFunction returns what reads a function of an environment from its columns and
// its MAC.
func (s *Store) scanFunction(account, env string) func(*sql.Rows) (cloud.Function, error) {
	return func(r *sql.Rows) (cloud.Function, error) {
		f, mac := cloud.Function{Account: account, Env: env}, ""
		err := r.Scan(append(functionFields(&f), &mac)...)
		if err == nil {
			err = s.guard.checkFunction(f, mac)
		}
		return f, err
	}
}

// CreateFunction implements cloud.Store.
func (s *Store) CreateFunction(ctx context.Context, f cloud.Function, rec cloud.Record) (bool, error) {
	var added bool
	err := s.writer.writeFor(ctx, f.Account, func(t *tx) error {
		if err := t.keepEnvironment(f.Account, f.Env); err != nil {
			return err
		}
		n, err := t.exec(insertFunction+" DO NOTHING", functionValues(s.guard, f)...)
		if added = n > 0; added && err == nil {
			t.record(rec)
		}
		return err
	})
	return added && err == nil, err
}

// PutCode implements cloud.Store.
func (s *Store) PutCode(ctx context.Context, f cloud.Function, rec cloud.Record) (bool, error) {
	err := s.writer.writeFor(ctx, f.Account, func(t *tx) error {
		if err := t.useUpload(f); err != nil {
			return err
		}
		if f.Owner != "" {
			if err := t.keepAccount(f.Owner); err != nil {
				return err
			}
		}
		if err := t.checkRow(grantedCode, f.Account, f.Env, f.Name); err != nil {
			return err
		}
		// Links to the code that is replaced are valid for some time yet.
		_, err := t.exec("UPDATE code SET used_at = "+nextUse+` WHERE doomed_at = 0
			AND sum = (SELECT sum FROM functions WHERE account = $1 AND env = $3 AND name = $4)`,
			f.Account, f.ModifiedAt, f.Env, f.Name)
		if err != nil {
			return err
		}
		err = t.hit(`UPDATE functions SET owner = $1,
				owner_epoch = CASE WHEN owner = $1 THEN owner_epoch WHEN owner_epoch < $6 THEN $6
					ELSE owner_epoch + 1 END,
				sum = $2, size = $3, handler = $4, install_dependency = $5, modified_at = $6
			WHERE account = $7 AND env = $8 AND name = $9`,
			f.Owner, f.Sum, f.Size, f.Handler, f.InstallDependency, f.ModifiedAt, f.Account, f.Env, f.Name)
		if err == nil {
			err = t.vouchRow(grantedCode, f.Account, f.Env, f.Name)
		}
		if err != nil {
			return err
		}
		t.record(rec)
		return t.useCode(f.Sum, f.ModifiedAt)
	})
	if errors.Is(err, cloud.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// uploadKept is how long an upload that was taken stays known: far longer than
// its signature is good, whatever clocks say.
const uploadKept = 24 * time.Hour

// useUpload remembers the upload that brings a function's code. One that was taken
// before is cloud.ErrRepeated or cloud.ErrReplayed.
func (t *tx) useUpload(f cloud.Function) error {
	if f.Upload == "" {
		return nil
	}
	err := t.lock("SELECT name FROM functions WHERE account = $1 AND env = $2 AND name = $3", f.Account, f.Env, f.Name)
	if err != nil {
		return err
	}
	n, err := t.exec(`INSERT INTO used_uploads (account, upload, used_at) VALUES ($1, $2, $3)
		ON CONFLICT (account, upload) DO NOTHING`, f.Account, f.Upload, f.ModifiedAt)
	switch {
	case err != nil:
		return err
	case n > 0:
		_, err = t.exec("DELETE FROM used_uploads WHERE account = $1 AND used_at < $2",
			f.Account, f.ModifiedAt-uploadKept.Milliseconds())
		return err
	}
	var latest int64
	err = t.row(`SELECT count(*) FROM functions f JOIN used_uploads u ON u.account = f.account
		WHERE f.account = $1 AND env = $2 AND name = $3 AND upload = $4 AND used_at = modified_at
			AND owner = $5 AND sum = $6`,
		[]any{f.Account, f.Env, f.Name, f.Upload, f.Owner, f.Sum}, &latest)
	switch {
	case err != nil:
		return err
	case latest > 0:
		return cloud.ErrRepeated
	}
	return cloud.ErrReplayed
}
