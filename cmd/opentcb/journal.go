package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/journal"
	"github.com/opentcb/opentcb/internal/words"
)

// followWait is how long one request of --follow waits for the next call.
const followWait = 30 * time.Second

// journalFilter is the flags that choose calls of the journal.
type journalFilter struct {
	journal.Match
	errcode          int
	rid, text, since string
}

func (j *journalFilter) add(f *pflag.FlagSet) {
	f.StringVar(&j.Interface, "interface", "", "only calls of an interface: a wire name, or link, upload, cloudcall, push, consent")
	matchFlags(f, &j.Match)
	f.IntVar(&j.errcode, "errcode", 0, "only calls that were answered so")
	f.StringVar(&j.rid, "rid", "", "only the call of a rid")
	f.StringVar(&j.text, "text", "", "only calls with a text in query, body, answer or reason")
	f.StringVar(&j.since, "since", "", "from then on: a time (2026-01-31T15:04:05Z), or how long ago (90m, 24h), by this machine's clock")
}

// query returns the filter as the admin interface takes it.
func (j *journalFilter) query(f *pflag.FlagSet) (url.Values, error) {
	q := url.Values{}
	for name, value := range map[string]string{
		"interface": j.Interface, "platform": j.Platform, "appid": j.AppID, "env": j.Env, "function": j.Function,
		"path": j.Path, "rid": j.rid, "text": j.text,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Changed("errcode") {
		q.Set("errcode", strconv.Itoa(j.errcode))
	}
	if j.since != "" {
		t, err := parseMoment(j.since, time.Now())
		if err != nil {
			return nil, usageError{fmt.Errorf("--since: %w", err)}
		}
		q.Set("since", strconv.FormatInt(t.UnixMilli(), 10))
	}
	return q, nil
}

func journalCommand() *cobra.Command {
	var filter journalFilter
	var follow bool
	cmd := remoteCommand("journal", "Print the latest calls of a server in test mode",
		`Print the latest calls and how they were answered, oldest first. With --json a
call is a line: its headers, body and answer are there, with secrets masked.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			query, err := filter.query(cmd.Flags())
			if err == nil {
				err = printJournal(cmd.Context(), cmd.OutOrStdout(), c, query, follow, asJSON(cmd))
			}
			if follow && errors.Is(err, context.Canceled) {
				err = nil // that is how it ends
			}
			return answer{}, err
		})
	filter.add(cmd.Flags())
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with the calls that come")
	cmd.AddCommand(journalWaitCommand(), journalHARCommand())
	return cmd
}

// printJournal prints calls, page by page, and goes on with those that come.
func printJournal(ctx context.Context, w io.Writer, c *admin.Client, query url.Values, follow, asJSON bool) error {
	for {
		page, err := c.Journal(ctx, query)
		if err != nil {
			return err
		}
		for _, e := range page.Items {
			if err := printEntry(w, e, asJSON); err != nil {
				return err
			}
			query.Set("after", strconv.FormatInt(e.Seq, 10))
		}
		if page.Next == "" && !follow {
			return nil
		}
		if page.Next == "" {
			query.Set("wait", followWait.String())
		}
	}
}

func printEntry(w io.Writer, e admin.JournalEntry, asJSON bool) error {
	if asJSON {
		line := json.NewEncoder(w)
		line.SetEscapeHTML(false)
		return line.Encode(e)
	}
	_, err := fmt.Fprintln(w, words.Printable(entryLine(e)))
	return err
}

// entryLine writes a call for a person.
func entryLine(e admin.JournalEntry) string {
	who := strings.TrimSpace(e.Platform + " " + e.AppID)
	words := []string{moment(int64(e.At)), cmp.Or(who, "unknown") + ":", e.Interface}
	for _, w := range []string{e.Action, e.Env, e.Function} {
		if w != "" {
			words = append(words, w)
		}
	}
	switch {
	case e.Status == 0:
		words = append(words, "no answer")
	case e.Status != 200 || e.ErrCode == nil:
		words = append(words, fmt.Sprintf("status %d", e.Status))
	}
	if e.ErrCode != nil && *e.ErrCode == 0 {
		words = append(words, "ok")
	} else if e.ErrCode != nil {
		words = append(words, fmt.Sprintf("refused %d", *e.ErrCode))
	}
	if e.Reason != "" {
		words = append(words, "("+e.Reason+")")
	}
	if e.Fault != nil {
		words = append(words, "injected "+e.Fault.Did)
	}
	return strings.Join(append(words, fmt.Sprintf("%.1f ms", e.TookMS), "rid "+e.RID), " ")
}

func journalWaitCommand() *cobra.Command {
	var filter journalFilter
	count, timeout := 1, 10*time.Second
	cmd := remoteCommand("wait", "Wait until so many calls have come",
		`Wait until as many calls match as --count says; those that are there already
count. The status is 1 if they have not come in time, and what came in place of
them is printed, nearest first.`,
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			query, err := filter.query(cmd.Flags())
			if err != nil {
				return answer{}, err
			}
			query.Set("count", strconv.Itoa(count))
			query.Set("wait", timeout.String())
			page, err := c.Journal(cmd.Context(), query)
			if err != nil {
				return answer{}, err
			}
			var lines []string
			for _, e := range page.Items {
				lines = append(lines, entryLine(e))
			}
			got := answer{page, strings.Join(lines, "\n")}
			if page.Complete != nil && *page.Complete {
				return got, nil
			}
			if len(lines) > 0 || asJSON(cmd) {
				if err := got.print(cmd); err != nil {
					return answer{}, err
				}
			}
			return answer{}, statusError{notCome(len(page.Items), count, timeout, page.Instead), statusRefused}
		})
	f := cmd.Flags()
	filter.add(f)
	f.IntVar(&count, "count", count, "how many calls")
	f.DurationVar(&timeout, "timeout", timeout, "how long, at most 10m")
	return cmd
}

// notCome says what came in place of what was waited for.
func notCome(got, want int, timeout time.Duration, instead []string) error {
	text := fmt.Sprintf("%d of %s came within %v", got, many(want, "call"), timeout)
	if len(instead) == 0 {
		return errors.New(text + ", and no other")
	}
	return errors.New(text + "; instead:\n  " + strings.Join(instead, "\n  "))
}

func journalHARCommand() *cobra.Command {
	var filter journalFilter
	cmd := remoteCommand("har FILE", "Write the latest calls as an HTTP archive",
		"Write the latest calls as an HTTP archive (HAR), which browsers and other tools\nshow. FILE - is standard output.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			query, err := filter.query(cmd.Flags())
			if err != nil {
				return answer{}, err
			}
			var har bytes.Buffer
			if err := c.JournalHAR(cmd.Context(), query, &har); err != nil {
				return answer{}, err
			}
			if args[0] == "-" {
				_, err := cmd.OutOrStdout().Write(har.Bytes())
				return answer{}, err
			}
			if err := os.WriteFile(args[0], har.Bytes(), 0o600); err != nil {
				return answer{}, usageError{err}
			}
			return answer{struct {
				File string `json:"file"`
			}{args[0]}, "written to " + args[0]}, nil
		})
	filter.add(cmd.Flags())
	return cmd
}
