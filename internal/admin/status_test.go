package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// TestStatuses answers with an error of every kind: the table's status, the
// kind's errcode, the detail, and nothing of the cause.
//
// Proves: EN-5
func TestStatuses(t *testing.T) {
	s := New(Config{})
	for kind := cloud.Internal; kind <= cloud.Conflict; kind++ {
		w := httptest.NewRecorder()
		cause := errors.New("/var/lib/opentcb: SELECT secret")
		s.writeError(w, httptest.NewRequest("GET", "/v1/x", nil), "r1", &cloud.Error{Kind: kind, Detail: "told", Err: cause})
		want, known := statuses[kind]
		if !known {
			want = http.StatusInternalServerError
		}
		var body ErrorBody
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if w.Code != want || body.Error.Code != int(kind.Code()) || body.Error.Message != "told" || body.Error.RID != "r1" {
			t.Errorf("kind %d: %d %s", kind, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "SELECT") {
			t.Errorf("kind %d shows its cause: %s", kind, w.Body)
		}
	}
}

// TestUnknownError answers with an error that is not of the rules.
//
// Proves: EN-5, EN-13
func TestUnknownError(t *testing.T) {
	w := httptest.NewRecorder()
	New(Config{}).writeError(w, httptest.NewRequest("GET", "/v1/x", nil), "r1", errors.New("/var/lib/opentcb"))
	const want = `{"error":{"code":-1000,"message":"system error","rid":"r1"}}`
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusInternalServerError || got != want {
		t.Errorf("%d %s", w.Code, got)
	}
}

// TestDatabaseGone closes the database under a server: /readyz tells it.
//
// Proves: LV-3
func TestDatabaseGone(t *testing.T) {
	dir := t.TempDir()
	store, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(dir, "opentcb.db"))
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.OpenDir(filepath.Join(dir, "code"), blob.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	ring, err := seal.NewRing(seal.NewMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	rules := cloud.New(cloud.Config{Store: store, Blobs: blobs, Ring: ring})
	defer rules.Close()
	s := New(Config{Cloud: rules})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	const want = `{"status":"unavailable","reasons":["the database cannot be reached"]}`
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusServiceUnavailable || got != want {
		t.Errorf("%d %s", w.Code, got)
	}
}
