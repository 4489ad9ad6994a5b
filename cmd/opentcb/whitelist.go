package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func whitelistCommand() *cobra.Command {
	return groupCommand("whitelist", "See what an environment calls, and mend its whitelist",
		suggestCommand(), tryCommand(), historyCommand(), restoreCommand())
}

func suggestCommand() *cobra.Command {
	var allowedOnly bool
	cmd := remoteCommand("suggest ENV", "Print what an environment called, and the smallest whitelist for it",
		`Print which interfaces the code in an environment called in the last week, and the
smallest whitelist that would have allowed all those calls. Look through it
before you set it: calls that were refused are in it too, unless --allowed-only.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			s, err := c.SuggestWhitelist(cmd.Context(), args[0], allowedOnly)
			if err != nil {
				return answer{}, err
			}
			list, err := json.Marshal(s.Whitelist)
			text := callTable("calls since "+moment(s.Since), s.Paths, s.Together)
			return answer{s, text + "\n\napi_whitelist:\n" + string(list)}, err
		})
	cmd.Flags().BoolVar(&allowedOnly, "allowed-only", false, "leave out interfaces whose calls were all refused")
	return cmd
}

func tryCommand() *cobra.Command {
	return remoteCommand("try ENV FILE", "Print which calls of the last day a whitelist would have refused",
		`Judge the calls of the last day by a whitelist that is not in force. FILE has an
entry a line, or is a JSON array, or an object with api_whitelist.`,
		2, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			text, err := os.ReadFile(args[1])
			if err != nil {
				return answer{}, usageError{err}
			}
			entries, err := parseEntries(text)
			if err != nil {
				return answer{}, usageError{fmt.Errorf("%s: %w", args[1], err)}
			}
			t, err := c.TryWhitelist(cmd.Context(), args[0], entries)
			head := fmt.Sprintf("of %d interfaces called since %s it would have refused %d",
				len(t.Paths), moment(t.Since), len(t.Refused))
			return answer{t, callTable(head, t.Refused, t.Together)}, err
		})
}

// parseEntries reads a whitelist: JSON, or an entry a line, where # begins a
// remark.
func parseEntries(text []byte) ([]string, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff"))) // a mark of Windows' editors
	switch {
	case bytes.HasPrefix(text, []byte("[")):
		var list []string
		return list, json.Unmarshal(text, &list)
	case bytes.HasPrefix(text, []byte("{")):
		var object admin.Whitelist
		if err := json.Unmarshal(text, &object); err != nil {
			return nil, err
		}
		if object.Entries == nil {
			return nil, fmt.Errorf("the object has no api_whitelist")
		}
		return object.Entries, nil
	}
	list := []string{}
	for line := range strings.Lines(string(text)) {
		entry, _, _ := strings.Cut(line, "#")
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	return list, nil
}

// callTable writes a table of calls for a person.
func callTable(head string, calls []cloud.Called, together cloud.Called) string {
	lines := []string{head}
	if len(calls) > 0 {
		lines = append(lines, fmt.Sprintf("%10s %10s  %s", "allowed", "refused", "interface"))
	}
	for _, c := range calls {
		lines = append(lines, fmt.Sprintf("%10d %10d  %s", c.Allowed, c.Refused, c.Path))
	}
	if together.Allowed+together.Refused > 0 {
		lines = append(lines, fmt.Sprintf("%10d %10d  (together: paths not in plain form, or too many)",
			together.Allowed, together.Refused))
	}
	return strings.Join(lines, "\n")
}

func historyCommand() *cobra.Command {
	return remoteCommand("history ENV", "Print who changed an environment's switch and whitelist",
		"Print who changed the switch and the whitelist of an environment, when, and from\nwhat to what, oldest first.",
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			changes, err := c.WhitelistHistory(cmd.Context(), args[0])
			return answer{admin.HistoryOf(changes), historyText(args[0], changes)}, err
		})
}

// historyText writes a history for a person: each change, and below it what it
// added and removed.
func historyText(env string, changes []cloud.PermissionChange) string {
	var lines []string
	var before []string
	for _, ch := range changes {
		who := ch.Platform
		if ch.Operator {
			who = cmp.Or(ch.By, "the operator")
		}
		line := fmt.Sprintf("%s  version %d  by %s", moment(ch.At), ch.Version, who)
		if ch.Env != env {
			lines = append(lines, fmt.Sprintf("%s  switch %s by %s, through %s  rid %s",
				moment(ch.At), onOff(ch.Open), who, ch.Env, ch.RID))
			continue
		}
		if ch.Flipped {
			line += ", switch " + onOff(ch.Open)
		}
		lines = append(lines, line+"  rid "+ch.RID)
		lines = append(lines, difference(before, ch.Whitelist)...)
		before = ch.Whitelist
	}
	if len(lines) == 0 {
		lines = []string{"nothing is kept"}
	}
	return strings.Join(lines, "\n")
}

func onOff(open bool) string {
	if open {
		return "on"
	}
	return "off"
}

// difference lists what a whitelist lost and gained.
func difference(before, after []string) []string {
	var lines []string
	for _, entry := range before {
		if !slices.Contains(after, entry) {
			lines = append(lines, "    - "+entry)
		}
	}
	for _, entry := range after {
		if !slices.Contains(before, entry) {
			lines = append(lines, "    + "+entry)
		}
	}
	return lines
}

func restoreCommand() *cobra.Command {
	return remoteCommand("restore ENV VERSION", "Set the whitelist of an earlier version again",
		`Set the whitelist that an environment had at a version of its history, as a new
version. The switch stays as it is: it is the whole account's.`,
		2, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			from, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil {
				return answer{}, usageError{fmt.Errorf("%q is no version: 'opentcb whitelist history %s' lists them",
					args[1], args[0])}
			}
			version, err := c.RestoreWhitelist(cmd.Context(), args[0], from)
			text := fmt.Sprintf("%s has the whitelist of version %d again, as version %d", args[0], from, version)
			return answer{admin.Version{Version: version}, text}, err
		})
}

func explainCommand() *cobra.Command {
	return remoteCommand("explain RID", "Print why a call was refused",
		`Print why the call was refused whose errmsg ended with this rid: which environment,
which version of its permission was in force, and the entry that comes nearest.`,
		1, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			x, err := c.Explain(cmd.Context(), args[0])
			return answer{admin.ExplanationOf(x), explanation(x)}, err
		})
}

// explanation writes an explanation for a person.
func explanation(x cloud.Explanation) string {
	lines := []string{moment(x.At) + "  " + x.Action}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("%-12s %s", name, value))
		}
	}
	add("platform", x.Platform)
	add("account", x.AppID)
	add("environment", x.Env)
	add("on", x.Target)
	add("path", x.Path)
	if x.Version > 0 {
		add("version", fmt.Sprint(x.Version))
	}
	add("answer", fmt.Sprintf("%d %s", x.Code, x.Code.Text()))
	add("because", x.Reason)
	return strings.Join(lines, "\n")
}
