package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The pages of each list that are timed, and what a page may take at most, in
// milliseconds: on SQLite, and on Postgres.
const (
	pagesTimed     = 50
	pageBound      = 20.0
	pageBoundOnPG  = 40.0
	statusBound    = 100.0
	pagesBeforeEnd = 2 // so that a late page is a full one
)

// lists times pages of the operator's lists in a large world, at the beginning and
// near the end, and the status. Each figure is the median of its requests; the
// slowest stands beside it.
func (s *session) lists(w *scaled) ([]row, error) {
	bound := pageBound
	if s.database != "" {
		bound = pageBoundOnPG
	}
	late := w.n - pagesBeforeEnd*100
	if late < 0 {
		return nil, nil // no page is a late one
	}
	var rows []row
	for _, l := range []struct {
		path string
		key  []string
	}{
		{"/v1/platforms", []string{""}},
		{"/v1/miniprograms", []string{benchAppID(late)}},
		{"/v1/environments", []string{benchEnv(late)}},
		{"/v1/authorizations", []string{benchAppID(late), benchPlatform}},
	} {
		key, _ := json.Marshal(l.key) // texts alone
		for _, place := range []struct{ name, query string }{
			{"first page", ""}, {"late page", "?after=" + base64.RawURLEncoding.EncodeToString(key)},
		} {
			r, err := s.timed(w.server, l.path+place.query)
			if err != nil {
				return nil, err
			}
			r.Name, r.Goal.Limit = fmt.Sprintf("%s, %s", l.path, place.name), bound
			rows = append(rows, r)
			s.progress("%s: %.1f ms", r.Name, median(r.Real))
		}
	}
	status, err := s.timed(w.server, "/v1/status")
	status.Name, status.Goal.Limit = "/v1/status", statusBound
	return append(rows, status), err
}

// timed is a row with the time that each of pagesTimed requests took.
func (s *session) timed(server *server, path string) (row, error) {
	r := row{Figure: plain, Unit: "ms", Goal: goal{Relation: "<"}}
	token, err := os.ReadFile(filepath.Join(server.data, "admin-token"))
	if err != nil {
		return r, err
	}
	for range pagesTimed {
		began := time.Now()
		req, err := http.NewRequestWithContext(s.ctx, "GET", "http://"+server.admin+path, nil)
		if err != nil {
			return r, err
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return r, err
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return r, fmt.Errorf("%s: %s %.200s %w", path, resp.Status, bytes.TrimSpace(text), err)
		}
		r.add(milliseconds(time.Since(began)), 0)
	}
	return r, nil
}
