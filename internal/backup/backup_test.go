package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opentcb/opentcb/internal/backup"
	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// TestRoundTrip carries a world from SQLite and a folder to another, to
// Postgres and a bucket, and from there back.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	from := filled(t, folder(t), 9)
	want, archive := from.state(t), from.archive(t)
	same, moved, back := folder(t), cluster(t), folder(t)
	must(t, same.restore(t.Context(), archive))
	must(t, moved.restore(t.Context(), archive))
	must(t, back.restore(t.Context(), moved.archive(t)))
	for name, s := range map[string]storage{
		"SQLite and a folder": same, "Postgres and a bucket": moved, "and back": back,
	} {
		if got := s.state(t); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	sum, err := backup.Verify(t.Context(), onlyReader{bytes.NewReader(archive)}, ring, nil)
	must(t, err)
	if sum.Code != 5 || sum.Rows["functions"] != 9 || sum.RowCount() != int64(9*len(sum.Tables)) ||
		sum.MasterKey != keyID || sum.Program != info.Program || sum.Made != "2026-01-31T15:04:05Z" {
		t.Errorf("summary %+v", sum)
	}
}

// onlyReader is a pipe.
type onlyReader struct{ io.Reader }

// TestManyRows makes several chunks of a table.
func TestManyRows(t *testing.T) {
	t.Parallel()
	from, to := folder(t), folder(t)
	must(t, from.BindKey(t.Context(), keyID))
	must(t, from.Load(t.Context(), func(each func(string, []string, []any) error) error {
		for i := range 2400 {
			columns := []string{"sum", "used_at", "doomed_at"}
			if err := each("code", columns, []any{fmt.Sprintf("%02000d", i), int64(i), int64(0)}); err != nil {
				return err
			}
		}
		return nil
	}))
	archive := from.archive(t)
	if n := strings.Count(string(archive), ".code.jsonl.gz"); n != 2 {
		t.Errorf("%d chunks", n)
	}
	must(t, to.restore(t.Context(), archive))
	if !bytes.Equal(to.archive(t), archive) {
		t.Error("the rows differ")
	}
}

// TestItIsATar: any tar lists it.
func TestItIsATar(t *testing.T) {
	t.Parallel()
	archive := filled(t, folder(t), 2).archive(t)
	if !bytes.HasSuffix(archive, make([]byte, 1024)) || len(archive)%512 != 0 {
		t.Error("it does not end as a tar does")
	}
	r, names := tar.NewReader(bytes.NewReader(archive)), []string{}
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		names = append(names, h.Name)
	}
	if len(names) != 3+len(sqlstore.Tables()) || names[0] != "manifest.json" ||
		names[1] != "rows/00000001.accounts.jsonl.gz" || names[len(names)-1] != "end.json" {
		t.Errorf("entries %q", names)
	}
}

// TestWhileWriting backs up while clients deploy code and set permissions: an
// archive is of one moment, and has the code of all its functions.
func TestWhileWriting(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]storage{
		"SQLite and a folder": folder(t), "Postgres and a bucket": cluster(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			must(t, from.BindKey(t.Context(), keyID))
			ctx, stop := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for hand := range 3 {
				account := fmt.Sprintf("wx%016x", hand)
				must(t, from.Apply(t.Context(), []cloud.Change{
					cloud.PutAccount{Account: cloud.Account{AppID: account, Cloud: true}},
					cloud.AddEnvironment{Account: account, ID: "env-" + account},
				}, nil))
				all.Go(func() {
					for n := int64(1); ctx.Err() == nil; n++ {
						from.change(t, account, n)
					}
				})
			}
			defer all.Wait()
			defer stop()
			for range 4 {
				to := folder(t)
				must(t, to.restore(t.Context(), from.archive(t)))
				to.consistent(t)
			}
		})
	}
}

// change deploys other code and sets a permission.
func (s storage) change(t *testing.T, account string, n int64) {
	t.Helper()
	code := []byte(fmt.Sprintf("code %d of %s", n, account))
	sum := sumOf(code)
	f := cloud.Function{
		Account: account, Env: "env-" + account, Name: fmt.Sprintf("f%d", n%20),
		Sum: sum, Size: int64(len(code)), ModifiedAt: n,
	}
	err := s.HoldCode(t.Context(), sum, n)
	s.put(t, code)
	err = errors.Join(err, s.Apply(t.Context(), []cloud.Change{cloud.PutFunction{Function: f}}, []cloud.Record{{At: n}}))
	set := cloud.PermissionSet{Account: account, Env: f.Env, Version: 2 * n, Open: n%2 == 0}
	res, setErr := s.SetPermission(t.Context(), set, cloud.Record{At: n})
	if err = errors.Join(err, setErr); err != nil || !res.Accepted {
		t.Errorf("change %d: %+v, %v", n, res, err)
	}
}

// consistent wants the version of each environment to be the last of its
// history, and the code of each function to be there.
func (s storage) consistent(t *testing.T) {
	t.Helper()
	versions := map[string]map[string]int64{}
	must(t, s.Dump(t.Context(), func(table string, columns []string, values []any) error {
		if i := slices.Index(columns, "version"); i >= 0 {
			if versions[table] == nil {
				versions[table] = map[string]int64{}
			}
			account := values[0].(string)
			versions[table][account] = max(versions[table][account], values[i].(int64))
		}
		return nil
	}))
	if fmt.Sprint(versions["environments"]) != fmt.Sprint(versions["permission_history"]) || len(versions["environments"]) != 3 {
		t.Errorf("versions %v", versions)
	}
	for _, line := range s.state(t) {
		if strings.HasSuffix(line, "is missing") {
			t.Error(line)
		}
	}
}

// TestLostCode wants a backup to fail whose code is missing or altered, to say
// whose it is, and to leave what no Verify takes.
func TestLostCode(t *testing.T) {
	t.Parallel()
	for what, harm := range map[string]func(file string) error{
		"missing": os.Remove,
		"altered": func(file string) error { return os.WriteFile(file, []byte("something else"), 0o600) },
	} {
		s := folder(t)
		must(t, s.BindKey(t.Context(), keyID))
		must(t, s.Apply(t.Context(), []cloud.Change{cloud.PutAccount{Account: cloud.Account{AppID: "wx00000000000000a1"}},
			cloud.AddEnvironment{Account: "wx00000000000000a1", ID: "env-one"}}, nil))
		for i := range 30 {
			code := fmt.Appendf(nil, "code %d", i)
			sum := s.put(t, code)
			must(t, s.HoldCode(t.Context(), sum, 1))
			f := cloud.Function{
				Account: "wx00000000000000a1", Env: "env-one", Name: fmt.Sprintf("function-%d", i), Sum: sum, Size: 1,
			}
			must(t, s.Apply(t.Context(), []cloud.Change{cloud.PutFunction{Function: f}}, nil))
		}
		sum := sumOf([]byte("code 17"))
		var b bytes.Buffer
		cut := &harmAtCode{w: &b, harm: func() error { return harm(s.file(sum)) }}
		err := backup.Write(t.Context(), cut, s.Store, s.blobs, info, nil)
		if err == nil || !strings.Contains(err.Error(), "function-17 ") || !strings.Contains(err.Error(), "env-one") {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := backup.Verify(t.Context(), &b, nil, nil); !errors.Is(err, backup.ErrBroken) {
			t.Errorf("%s: Verify of what was left: %v", what, err)
		}
	}
}

// TestAlteredAfterOpen: code that is altered, or cut short, after it was opened
// is found.
func TestAlteredAfterOpen(t *testing.T) {
	t.Parallel()
	s := filled(t, folder(t), 4)
	for _, short := range []bool{false, true} {
		var b bytes.Buffer
		err := backup.Write(t.Context(), &b, s.Store, altering{s.blobs, short}, info, nil)
		if !errors.Is(err, blob.ErrCorrupt) {
			t.Errorf("cut short %t: %v", short, err)
		}
		if _, err := backup.Verify(t.Context(), &b, nil, nil); !errors.Is(err, backup.ErrBroken) {
			t.Errorf("cut short %t: Verify of what was left: %v", short, err)
		}
	}
}

// altering gives blobs whose bytes change after they were opened.
type altering struct {
	blob.Store
	short bool
}

func (a altering) Open(ctx context.Context, sum blob.Sum) (blob.Blob, error) {
	b, err := a.Store.Open(ctx, sum)
	return altered{b, a.short}, err
}

type altered struct {
	blob.Blob
	short bool
}

func (a altered) Read(p []byte) (int, error) {
	if a.short {
		return 0, io.EOF
	}
	n, err := a.Blob.Read(p)
	for i := range p[:n] {
		p[i] ^= 1
	}
	return n, err
}

// harmAtCode does harm before the first chunk of rows is written: the
// database was read by then.
type harmAtCode struct {
	w    io.Writer
	harm func() error
	n    int
}

func (h *harmAtCode) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("rows/")) && h.n == 0 {
		h.n++
		if err := h.harm(); err != nil {
			return 0, err
		}
	}
	return h.w.Write(p)
}

func sumOf(code []byte) string { return blob.Sum(sha256.Sum256(code)).String() }

// file is where the folder keeps code.
func (s storage) file(sum string) string {
	return filepath.Join(s.folder, sum[:2], sum)
}

// TestReplacedCode says so when code went that no function has any more.
func TestReplacedCode(t *testing.T) {
	t.Parallel()
	s := filled(t, folder(t), 2)
	sum := ""
	for _, line := range s.state(t) {
		if name, ok := strings.CutPrefix(line, "code "); ok && len(name) > 64 && !strings.Contains(name, "[") {
			sum = name[:64]
		}
	}
	at := &harmAtCode{w: io.Discard, harm: func() error {
		for n := range 2 {
			f := cloud.Function{
				Account: fmt.Sprintf("account-%05d", n), Env: fmt.Sprintf("env-%05d", n),
				Name: []string{"小程序\"\\\n\u2028<&>", ""}[n], Sum: sumOf([]byte("new")),
			}
			if err := s.HoldCode(t.Context(), f.Sum, 1); err != nil {
				return err
			}
			if ok, err := s.PutCode(t.Context(), f, cloud.Record{At: 1}); err != nil || !ok {
				return fmt.Errorf("%v %v", ok, err)
			}
		}
		return os.Remove(s.file(sum))
	}}
	err := backup.Write(t.Context(), at, s.Store, s.blobs, info, nil)
	if err == nil || !strings.Contains(err.Error(), "replaced while the backup was made") {
		t.Error(err)
	}
}

// TestWriterFails ends with the writer's error, or the context's.
func TestWriterFails(t *testing.T) {
	t.Parallel()
	s := filled(t, folder(t), 40)
	whole := s.archive(t)
	full := errors.New("the disk is full")
	for after := 0; after < len(whole); after += 9973 {
		var b bytes.Buffer
		err := backup.Write(t.Context(), &shortWriter{&b, after, full}, s.Store, s.blobs, info, nil)
		if !errors.Is(err, full) {
			t.Fatalf("after %d bytes: %v", after, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := backup.Write(ctx, io.Discard, s.Store, s.blobs, info, func(_ string, n int64) {
		if n > int64(len(whole))*2/3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

type shortWriter struct {
	w    io.Writer
	left int
	err  error
}

func (s *shortWriter) Write(p []byte) (int, error) {
	if len(p) > s.left {
		return 0, s.err
	}
	s.left -= len(p)
	return s.w.Write(p)
}
