package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// The two sides of the comparison: the same Mini Programs are active in a
// small world and spread through a large one.
const (
	smallWorld  = 1_000
	scaleBound  = 1.3
	activeCalls = "scale-targets"
)

// scale compares a server on a large world with one on a small world: calls
// per second, and p99 (both within 1.3 times), start-up and memory; and it times
// the operator's lists in the large one.
func scale(s *session) ([]row, error) {
	large, err := s.world(s.scale)
	if err != nil {
		return nil, err
	}
	defer large.server.stop()
	small, err := s.world(smallWorld)
	if err != nil {
		return nil, err
	}
	defer small.server.stop()
	rows, err := s.lists(large)
	if err != nil {
		return nil, err
	}
	for _, c := range readCalls {
		more, err := s.compareWorlds(
			c.name, large, small, func(w *scaled, pair int) loadOrders { return s.scaleOrders(c, w, pair) },
		)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	more, err := s.compareWorlds("set, 64 clients", large, small, func(w *scaled, pair int) loadOrders {
		orders := s.scaleOrders(usecloudaccesstoken, w, pair)
		orders.Probe, orders.Body = orders.Body, setBody
		orders.Connections, orders.PerConnection = setClients, setEnvironments
		return orders
	})
	if err != nil {
		return nil, err
	}
	rows = append(rows, more...)
	return append(rows, s.worldFigures(large, small)...), nil
}

func (s *session) scaleOrders(c call, w *scaled, pair int) loadOrders {
	orders := s.orders(c, w.server, pair)
	orders.Targets = w.targets
	return orders
}

// compareWorlds loads both servers in turn.
func (s *session) compareWorlds(
	name string, large, small *scaled, orders func(*scaled, int) loadOrders,
) ([]row, error) {
	rate := row{Name: name, Figure: ratio, Unit: "req/s", Goal: goal{">=", 1 / scaleBound}}
	late := row{Name: name + " p99", Figure: ratio, Unit: "ms", Goal: goal{"<=", scaleBound}}
	for pair := range s.pairs {
		real, err := s.load(orders(large, pair))
		if err != nil {
			return nil, fmt.Errorf("%s in the large world: %w", name, err)
		}
		base, err := s.load(orders(small, pair))
		if err != nil {
			return nil, fmt.Errorf("%s in the small world: %w", name, err)
		}
		rate.add(real.perSecond(), base.perSecond())
		late.add(milliseconds(real.P99), milliseconds(base.P99))
		s.progress("%s %d/%d: large %s; small %s", name, pair+1, s.pairs, real, base)
	}
	return []row{rate, late}, nil
}

func (s *session) worldFigures(large, small *scaled) []row {
	ready := row{Name: "start-up", Figure: plain, Unit: "ms", Goal: goal{"<", 1000}}
	ready.add(milliseconds(large.server.ready), milliseconds(small.server.ready))
	memory := row{Name: "memory after load", Figure: plain, Unit: "MiB"}
	memory.note("%d Mini Programs active of %d; the small world's server %.0f MiB", large.active, large.n, orZero(residentMiB(small.server.pid())))
	memory.add(orZero(residentMiB(large.server.pid())), 0)
	disk := row{Name: "database", Figure: plain, Unit: "MiB"}
	disk.note("%d Mini Programs, %d environments, %d functions", large.n, large.n*worldEnvironments, large.n*worldFunctions)
	disk.add(large.mib, 0)
	return []row{ready, memory, disk}
}

func orZero(v float64, err error) float64 {
	if err != nil {
		return 0
	}
	return v
}

// scaled is a server on a world of n Mini Programs.
type scaled struct {
	n, active int
	server    *server
	targets   string // file
	mib       float64
}

// world makes a world of n Mini Programs, gives tokens to those that are
// active, and starts a server on it.
func (s *session) world(n int) (*scaled, error) {
	w := &scaled{n: n, active: min(n, s.active), targets: s.path(fmt.Sprintf("%s-%d", activeCalls, n))}
	dir := s.path(fmt.Sprintf("scale-%d", n))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	address, err := s.worldDatabase(dir, n)
	if err != nil {
		return nil, err
	}
	if w.mib, err = s.fillOnce(dir, address, n); err != nil {
		return nil, err
	}
	s.progress("issuing tokens to %d of %d Mini Programs", w.active, n)
	if err := s.activate(dir, address, w); err != nil {
		return nil, err
	}
	args := []string{"--cache-rows", fmt.Sprint(s.cacheRows)}
	if s.database != "" {
		args = append(
			args, "--database", address, "--blobs", "file://"+filepath.Join(dir, codeFolder), "--master-key-file",
			filepath.Join(dir, masterKeyFile),
		)
	}
	if w.server, err = s.startOn(dir, args...); err != nil {
		return nil, err
	}
	w.server.data = dir
	return w, nil
}

// worldDatabase is where the world is: a file, or a database of its own on the
// server of -database.
func (s *session) worldDatabase(dir string, n int) (string, error) {
	if s.database == "" {
		return filepath.Join(dir, databaseFile), nil
	}
	u, err := url.Parse(s.database)
	if err != nil {
		return "", errors.New("-database must be postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	db, err := sql.Open("pgx", s.database)
	if err != nil {
		return "", err
	}
	defer db.Close()
	name := fmt.Sprintf("opentcb_scale_%d", n)
	_, err = db.ExecContext(s.ctx, "CREATE DATABASE "+name)
	if err != nil && !strings.Contains(err.Error(), "42P04") { // it is there
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

func (s *session) openStore(address string) (*sqlstore.Store, error) {
	if s.database == "" {
		return sqlstore.OpenSQLite(s.ctx, address)
	}
	return sqlstore.OpenPostgres(s.ctx, address, sqlstore.PostgresOptions{})
}

// fillOnce makes the schema and the world unless they are there, and returns
// the size of the database in MiB.
func (s *session) fillOnce(dir, address string, n int) (float64, error) {
	store, err := s.openStore(address)
	if err != nil {
		return 0, err
	}
	ring, err := openRing(filepath.Join(dir, masterKeyFile))
	if err == nil {
		err = store.BindKey(s.ctx, ring.KeyID())
	}
	if err == nil {
		err = store.Apply(
			s.ctx,
			[]cloud.Change{cloud.PutPlatform{Platform: cloud.Platform{AppID: benchPlatform, SecretMAC: "-"}}}, nil,
		)
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return 0, err
	}
	driver, source := "pgx", address
	if s.database == "" {
		driver, source = "sqlite", "file:"+address+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var there int
	if err := db.QueryRowContext(s.ctx, "SELECT count(*) FROM (SELECT appid FROM accounts LIMIT 2) AS two").Scan(&there); err != nil {
		return 0, err
	}
	if there < 2 {
		if err := s.fillNow(db, n); err != nil {
			return 0, err
		}
	}
	return s.databaseSize(db, address)
}

func (s *session) fillNow(db *sql.DB, n int) error {
	began := time.Now()
	err := fillWorld(s.ctx, db, s.database != "", n, func(done int) {
		s.progress("writing %d of %d Mini Programs, %v", done, n, time.Since(began).Round(time.Second))
	})
	if err != nil {
		return err
	}
	finish := "ANALYZE"
	if s.database != "" {
		finish = "VACUUM (ANALYZE)"
	}
	_, err = db.ExecContext(s.ctx, finish)
	return err
}

func (s *session) databaseSize(db *sql.DB, address string) (float64, error) {
	if s.database == "" {
		info, err := os.Stat(address)
		if err != nil {
			return 0, err
		}
		return float64(info.Size()) / (1 << 20), nil
	}
	var size int64
	err := db.QueryRowContext(s.ctx, "SELECT pg_database_size(current_database())").Scan(&size)
	return float64(size) / (1 << 20), err
}

// activate gives a token to each active Mini Program, by consent and query-auth,
// and writes the file of targets. They are spread evenly through the world.
func (s *session) activate(dir, address string, w *scaled) (err error) {
	store, err := s.openStore(address)
	if err != nil {
		return err
	}
	blobs, err := blob.OpenDir(filepath.Join(dir, codeFolder), blob.Config{})
	if err != nil {
		return errors.Join(err, store.Close())
	}
	ring, err := openRing(filepath.Join(dir, masterKeyFile))
	if err != nil {
		return errors.Join(err, store.Close(), blobs.Close())
	}
	which := sqlstore.VouchOnce
	if s.database != "" {
		which = sqlstore.VouchNone // as a server does, unless it is told to
	}
	_, vouched, err := store.Guard(s.ctx, rowVoucher{ring}, which)
	if err != nil {
		return errors.Join(err, store.Close(), blobs.Close())
	}
	s.progress("vouched for %d rows", vouched)
	service := cloud.New(cloud.Config{Store: store, Blobs: blobs, Ring: ring})
	targets, faults := make([]target, w.active), make([]error, setClients)
	var next atomic.Int64
	var workers sync.WaitGroup
	for worker := range faults {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < w.active && faults[worker] == nil; i = int(next.Add(1)) - 1 {
				targets[i], faults[worker] = activated(s.ctx, service, i*(w.n/w.active))
			}
		})
	}
	workers.Wait()
	err = errors.Join(errors.Join(faults...), service.Close(), store.Close(), blobs.Close())
	if err != nil {
		return err
	}
	return writeTargets(w.targets, targets)
}

// activated is the i-th Mini Program with a token.
func activated(ctx context.Context, service *cloud.Service, i int) (target, error) {
	code, err := service.Authorize(ctx, service.OperatorCaller("bench"), benchPlatform, benchAppID(i), []int{18, 49})
	if err != nil {
		return target{}, err
	}
	grant, err := service.QueryAuth(
		ctx, cloud.Caller{Platform: benchPlatform, RID: "bench", Now: time.Now().UnixMilli()}, benchPlatform,
		code.Value,
	)
	return target{Token: grant.AccessToken.Value, Env: benchEnv(i), Function: "function-1"}, err
}

// rowVoucher vouches for rows as the server does, which then does not do so at its start.
type rowVoucher struct{ ring *seal.Ring }

func (v rowVoucher) Vouch(text []byte) string { return v.ring.Vouch(seal.Row, text) }

func (v rowVoucher) CheckVouch(text []byte, vouched string) error {
	return v.ring.CheckVouch(seal.Row, text, vouched)
}
