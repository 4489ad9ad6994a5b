package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/words"
)

func auditCommand() *cobra.Command {
	var since, until, account, outcome string
	cmd := remoteCommand("audit", "Print the audit record",
		`Print who did what and how it ended, oldest first: every decision on
getcodesecret, usecloudaccesstoken and downloadfunction, every credential issued
and every change by the operator.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			query, err := auditQuery(since, until, account, outcome, time.Now())
			if err != nil {
				return answer{}, err
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			err = printAudit(out, asJSON(cmd), func(each func(cloud.Record) error) error {
				return c.Audit(cmd.Context(), query, each)
			})
			return answer{}, errors.Join(err, out.Flush())
		})
	f := cmd.Flags()
	f.StringVar(&since, "since", "", "from then on: a time (2026-01-31T15:04:05Z), or how long ago (90m, 24h)")
	f.StringVar(&until, "until", "", "before then: a time, or how long ago")
	f.StringVar(&account, "account", "", "what a platform or Mini Program did, or what concerned it")
	f.StringVar(&outcome, "outcome", "", "ok, refused (every errcode but 0), or one errcode")
	return cmd
}

func auditQuery(since, until, account, outcome string, now time.Time) (url.Values, error) {
	q := url.Values{}
	for name, text := range map[string]string{"since": since, "until": until} {
		if text == "" {
			continue
		}
		t, err := parseMoment(text, now)
		if err != nil {
			return nil, usageError{fmt.Errorf("--%s: %w", name, err)}
		}
		q.Set(name, strconv.FormatInt(t.UnixMilli(), 10))
	}
	if _, err := admin.ParseOutcome(outcome); err != nil {
		return nil, usageError{fmt.Errorf("--outcome: %w", err)}
	}
	if account != "" {
		q.Set("account", account)
	}
	if outcome != "" {
		q.Set("outcome", outcome)
	}
	return q, nil
}

// parseMoment reads a time, or how long ago it was.
func parseMoment(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a time such as 2026-01-31T15:04:05Z nor a span such as 24h", s)
	}
	return t, nil
}

// printAudit writes records as they come: one JSON array, or a line each.
func printAudit(w io.Writer, asJSON bool, records func(each func(cloud.Record) error) error) error {
	if !asJSON {
		return records(func(rec cloud.Record) error {
			_, err := fmt.Fprintln(w, words.Printable(auditLine(rec)))
			return err
		})
	}
	before := "["
	err := records(func(rec cloud.Record) error {
		line, err := json.Marshal(admin.RecordOf(rec))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n%s", before, line)
		before = ","
		return err
	})
	if err != nil {
		return err
	}
	if before == "[" {
		_, err = fmt.Fprintln(w, "[]")
		return err
	}
	_, err = fmt.Fprintln(w, "\n]")
	return err
}

// auditLine writes a record for a person: when, who, what, how it ended.
func auditLine(rec cloud.Record) string {
	who := "platform " + rec.Platform
	switch about := strings.TrimSpace(rec.Platform + " " + rec.AppID); {
	case rec.Operator && about == "":
		who = cmp.Or(rec.By, "operator")
	case rec.Operator:
		who = cmp.Or(rec.By, "operator") + " for " + about
	case about == "":
		who = "unknown"
	case rec.Platform == "":
		who = "runtime of " + rec.AppID
	case rec.AppID != "":
		who += " for " + rec.AppID
	}
	outcome := "ok"
	if rec.Code != 0 {
		outcome = fmt.Sprintf("refused %d", rec.Code)
	}
	words := []string{moment(rec.At), who + ":", rec.Action}
	for _, w := range []string{rec.Target, rec.Detail} {
		if w != "" {
			words = append(words, "("+w+")")
		}
	}
	return strings.Join(append(words, outcome, "rid "+rec.RID), " ")
}
