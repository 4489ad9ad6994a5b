package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
)

func faultCommand() *cobra.Command {
	return groupCommand("fault", "Inject faults into calls of a server in test mode",
		faultAddCommand(), faultListCommand(), faultClearCommand())
}

// matchFlags adds the flags that say which calls are meant, but for the interface.
func matchFlags(f *pflag.FlagSet, m *journal.Match) {
	f.StringVar(&m.Platform, "platform", "", "only calls of a platform")
	f.StringVar(&m.AppID, "appid", "", "only calls for a Mini Program")
	f.StringVar(&m.Env, "env", "", "only calls about an environment")
	f.StringVar(&m.Function, "function", "", "only calls about a function")
	f.StringVar(&m.Path, "path", "", "only calls of a path; one that ends with * stands for all that begin so")
}

// faultFlags are the flags of what a rule does that are no switch.
type faultFlags struct {
	errcode, status, cut, times int
	body, delay, until          string
	probability                 float64
}

func faultAddCommand() *cobra.Command {
	var rule inject.Rule
	var given faultFlags
	cmd := remoteCommand("add [INTERFACE]", "Add a rule: which calls get which fault",
		`Have calls of an interface, or of all, answered with a fault. INTERFACE is a wire
name, or link (a download), upload, cloudcall, push or consent. Of the rules that
match a call the first that acts on it does. --reset, --stall, --errcode and
--status act before the call is carried out; --lose-answer and --cut after it.`,
		0, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			if len(args) > 0 {
				rule.Match.Interface = args[0]
			}
			if err := given.complete(cmd.Flags(), &rule); err != nil {
				return answer{}, usageError{err}
			}
			added, err := c.AddFault(cmd.Context(), rule)
			text := "rule " + added.ID + ": " + added.Do.String()
			if added.Never != "" {
				text += "\nit can never act: " + added.Never
			}
			return answer{added, text}, err
		})
	cmd.Args = usageArgs(cobra.MaximumNArgs(1))
	f := cmd.Flags()
	matchFlags(f, &rule.Match)
	f.IntVar(&rule.When.Skip, "skip", 0, "let so many calls pass first")
	f.IntVar(&given.times, "times", 0, "act so often at most (default: without end)")
	f.Float64Var(&given.probability, "probability", 0, "act by chance, such as 0.5 (default: on each call)")
	f.Uint64Var(&rule.When.Seed, "seed", 0, "of that chance: the same seed and the same calls give the same faults")
	f.StringVar(&given.until, "until", "", "not from then on, by the server's clock: a time such as 2026-01-31T15:04:05Z")
	f.IntVar(&given.errcode, "errcode", 0, "refuse the call with an errcode")
	f.StringVar(&rule.Do.ErrMsg, "errmsg", "", "with --errcode: in place of its text")
	f.IntVar(&given.status, "status", 0, "answer with an HTTP status, as a proxy would")
	f.StringVar(&given.body, "body", "", "with --status: the body")
	f.StringVar(&given.delay, "delay", "", "wait before the call is carried out: 600ms, or 50ms-400ms by chance")
	f.IntVar(&given.cut, "cut", 0, "break the answer off after so many bytes")
	f.BoolVar(&rule.Do.Reset, "reset", false, "reset the connection")
	f.BoolVar(&rule.Do.Stall, "stall", false, "answer nothing until the caller gives up")
	f.BoolVar(&rule.Do.LoseAnswer, "lose-answer", false, "carry the call out, then reset the connection")
	f.BoolVar(&rule.Do.Expire, "expire", false, "let the token or link of the call expire")
	f.BoolVar(&rule.Do.Alter, "alter", false, "links: flip a byte of the code")
	f.BoolVar(&rule.Do.Drop, "drop", false, "pushes: do not send it")
	f.BoolVar(&rule.Do.Twice, "twice", false, "pushes: send it twice")
	f.BoolVar(&rule.Do.BadSignature, "bad-signature", false, "pushes: with a false signature")
	f.BoolVar(&rule.Do.BadBody, "bad-body", false, "pushes: with a body that cannot be decrypted")
	return cmd
}

// complete puts into a rule what was given.
func (g *faultFlags) complete(f *pflag.FlagSet, rule *inject.Rule) error {
	if f.Changed("times") {
		rule.When.Times = &g.times
	}
	if f.Changed("probability") {
		rule.When.Probability = &g.probability
	}
	if f.Changed("errcode") {
		rule.Do.ErrCode = &g.errcode
	}
	if f.Changed("status") || f.Changed("body") {
		rule.Do.Status = &inject.Status{Code: g.status, Body: g.body}
	}
	if f.Changed("cut") {
		rule.Do.Cut = &inject.Cut{After: g.cut}
	}
	if g.until != "" {
		until, err := time.Parse(time.RFC3339, g.until)
		if err != nil {
			return fmt.Errorf("--until %q: give a time such as 2026-01-31T15:04:05Z", g.until)
		}
		rule.When.Until = until
	}
	if g.delay == "" {
		return nil
	}
	from, to, isRange := strings.Cut(g.delay, "-")
	if !isRange {
		to = from
	}
	least, err := time.ParseDuration(from)
	most, errMost := time.ParseDuration(to)
	if err != nil || errMost != nil {
		return fmt.Errorf("--delay %q: give a span such as 600ms, or two such as 50ms-400ms", g.delay)
	}
	rule.Do.Delay = &inject.Delay{Min: least, Max: most}
	return nil
}

func faultListCommand() *cobra.Command {
	return remoteCommand("list", "Print the rules, and how often each has acted",
		"Print the rules in the order in which they are tried, how often each has acted,\nand of one that can never act why.",
		0, func(cmd *cobra.Command, c *admin.Client, _ []string) (answer, error) {
			all, err := c.Faults(cmd.Context())
			rows := [][]string{{"ID", "CALLS", "WHEN", "DOES", "HITS", "NEVER"}}
			for _, f := range all {
				hits := strconv.Itoa(f.Hits)
				rows = append(rows, []string{f.ID, matchText(f.Match), whenText(f.When), f.Do.String(), hits, f.Never})
			}
			if len(all) == 0 {
				return answer{all, "there are no rules"}, err
			}
			return answer{all, table(rows)}, err
		})
}

// matchText writes which calls are meant for a person.
func matchText(m journal.Match) string {
	parts := []string{}
	for _, part := range [][2]string{
		{"", m.Interface}, {"platform ", m.Platform}, {"appid ", m.AppID},
		{"env ", m.Env}, {"function ", m.Function}, {"path ", m.Path},
	} {
		if part[1] != "" {
			parts = append(parts, part[0]+part[1])
		}
	}
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, ", ")
}

// whenText writes when a rule acts for a person.
func whenText(w inject.When) string {
	var parts []string
	if w.Skip > 0 {
		parts = append(parts, fmt.Sprintf("after %d", w.Skip))
	}
	if w.Times != nil {
		parts = append(parts, many(*w.Times, "time"))
	}
	if w.Probability != nil {
		parts = append(parts, fmt.Sprintf("by chance %g, seed %d", *w.Probability, w.Seed))
	}
	if !w.Until.IsZero() {
		parts = append(parts, "until "+w.Until.UTC().Format(time.RFC3339))
	}
	if len(parts) == 0 {
		return "always"
	}
	return strings.Join(parts, ", ")
}

func faultClearCommand() *cobra.Command {
	cmd := remoteCommand("clear [ID]", "Remove all rules, or one",
		"Remove all rules, or that of an id. Calls that one holds up are let go.",
		0, func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error) {
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			cleared, err := c.ClearFaults(cmd.Context(), id)
			return answer{cleared, many(cleared.Removed, "rule") + " removed"}, err
		})
	cmd.Args = usageArgs(cobra.MaximumNArgs(1))
	return cmd
}
