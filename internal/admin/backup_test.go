package admin_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/backup"
	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// TestBackup gets an archive of a running server.
func TestBackup(t *testing.T) {
	s := start(t)
	s.applyWorld(t)
	var b bytes.Buffer
	must(t, s.Backup(t.Context(), &b))
	for _, secret := range []string{"platform-one-secret", "refreshtoken@@@one", "ticket@@@one"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("the archive shows %s", secret)
		}
	}
	sum, err := backup.Verify(t.Context(), &b, nil, nil)
	if err != nil || sum.Code != 1 || sum.Rows["functions"] != 2 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestBackupBreaksOff: half an archive does not pass for the whole. A fault
// before the first piece is told.
func TestBackupBreaksOff(t *testing.T) {
	rules := emptyRules(t)
	lost := &cloud.Error{Kind: cloud.Internal, Detail: "the code of function f is not there", Err: errors.New("open /the/path")}
	for _, c := range []struct {
		bytes int
		err   error
		told  string
	}{
		{0, lost, lost.Detail}, {100, lost, lost.Detail}, {1 << 20, lost, "unexpected EOF"},
		{0, errors.New("/the/path"), "system error"}, {100, &cloud.Error{Kind: cloud.Conflict, Detail: "already"}, "already"},
	} {
		fill := func(_ context.Context, _ cloud.Caller, w io.Writer) error {
			if _, err := w.Write(make([]byte, c.bytes)); err != nil {
				return err
			}
			return c.err
		}
		srv := httptest.NewServer(admin.New(admin.Config{Cloud: rules, First: admin.NewFirstToken("t", nil), Backup: fill}))
		client := admin.Client{URL: srv.URL, Token: "t"}
		err := client.Backup(t.Context(), io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.told) || strings.Contains(err.Error(), "/the/path") {
			t.Errorf("%d bytes and %v: %v", c.bytes, c.err, err)
		}
		srv.Close()
	}
}

// TestNoBackups of a server that makes none.
func TestNoBackups(t *testing.T) {
	srv := httptest.NewServer(admin.New(admin.Config{Cloud: emptyRules(t), First: admin.NewFirstToken("t", nil)}))
	defer srv.Close()
	client := admin.Client{URL: srv.URL, Token: "t"}
	refused(t, client.Backup(t.Context(), io.Discard), http.StatusNotImplemented)
}

// emptyRules are the rules over storage in which nothing is.
func emptyRules(t *testing.T) *cloud.Service {
	t.Helper()
	store, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "opentcb.db"))
	must(t, err)
	blobs, err := blob.OpenDir(filepath.Join(t.TempDir(), "code"), blob.Config{})
	must(t, err)
	ring, err := seal.NewRing(seal.NewMasterKey())
	must(t, err)
	rules := cloud.New(cloud.Config{Store: store, Blobs: blobs, Ring: ring})
	t.Cleanup(func() { must(t, errors.Join(rules.Close(), blobs.Close(), store.Close())) })
	return rules
}
