package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// CodeLine is one line of what collection and the check of code report as they
// go. One member is there. The last line has Done; without it the work was
// broken off.
type CodeLine struct {
	Finding  *cloud.CodeFinding `json:"finding,omitempty"`
	Progress *cloud.CodeReport  `json:"progress,omitempty"`
	Done     *cloud.CodeReport  `json:"done,omitempty"`
	Error    string             `json:"error,omitempty"` // why the work was broken off
}

// progressEvery is how often progress is reported.
const progressEvery = time.Second

// collect removes code that no function uses.
func (s *Server) collect(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	grace := cloud.DefaultGrace
	var dry cloud.Maybe[bool]
	err := parameters{"dry_run": truth(&dry), "grace": func(value string) (err error) {
		if grace, err = time.ParseDuration(value); err != nil || grace < 0 {
			return errors.New("a span such as 24h")
		}
		return nil
	}}.read(r)
	if err != nil {
		return nil, err
	}
	return s.codeLines(w, func(watch cloud.CodeWatch) (cloud.CodeReport, error) {
		return s.cloud.Collect(r.Context(), c, grace, dry.Value, watch)
	})
}

// scrub reads all code and reports what does not match its name.
func (s *Server) scrub(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	return s.codeLines(w, func(watch cloud.CodeWatch) (cloud.CodeReport, error) {
		return s.cloud.Scrub(r.Context(), watch)
	})
}

// codeLines answers with a line for each finding, and one now and then for
// progress. A client that goes away ends the work.
func (s *Server) codeLines(w http.ResponseWriter, work func(cloud.CodeWatch) (cloud.CodeReport, error)) (any, error) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	conn, out := http.NewResponseController(w), json.NewEncoder(w)
	report := func(line CodeLine) error {
		_ = conn.SetWriteDeadline(time.Now().Add(transferTime)) // the work may take hours
		return errors.Join(out.Encode(line), conn.Flush())
	}
	last := time.Now()
	total, err := work(cloud.CodeWatch{
		Found: func(f cloud.CodeFinding) error { return report(CodeLine{Finding: &f}) },
		Progress: func(so cloud.CodeReport) error {
			if time.Since(last) < progressEvery {
				return nil
			}
			last = time.Now()
			return report(CodeLine{Progress: &so})
		},
	})
	if err != nil {
		s.log.Error("code was not gone through", "err", err)
		return streamed{}, report(CodeLine{Error: cloud.CodeOf(err).Text()})
	}
	return streamed{}, report(CodeLine{Done: &total})
}

// Collect removes code that no function uses and that is older than the grace;
// with dry it only reports it. each gets every finding and, now and then, progress.
func (c *Client) Collect(
	ctx context.Context, grace time.Duration, dry bool, each func(CodeLine) error,
) (cloud.CodeReport, error) {
	query := url.Values{"grace": {grace.String()}, "dry_run": {strconv.FormatBool(dry)}}
	return c.codeLines(ctx, "/v1/code/collection?"+query.Encode(), each)
}

// Scrub reads all code and gives what does not match its name, or is missing,
// to each, and progress now and then.
func (c *Client) Scrub(ctx context.Context, each func(CodeLine) error) (cloud.CodeReport, error) {
	return c.codeLines(ctx, "/v1/code/check", each)
}

// codeLines gives every line of an answer to each, and returns the last.
func (c *Client) codeLines(ctx context.Context, path string, each func(CodeLine) error) (cloud.CodeReport, error) {
	resp, err := c.do(ctx, "POST", path, content{})
	if err != nil {
		return cloud.CodeReport{}, err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(bufio.NewReader(resp.Body))
	for {
		var line CodeLine
		if err := lines.Decode(&line); err != nil {
			return cloud.CodeReport{}, fmt.Errorf("the server broke off before it had seen all code: %w", err)
		}
		switch {
		case line.Done != nil:
			return *line.Done, nil
		case line.Error != "":
			return cloud.CodeReport{}, fmt.Errorf("the server broke off before it had seen all code: %s; its log says why", line.Error)
		}
		if err := each(line); err != nil {
			return cloud.CodeReport{}, err
		}
	}
}
