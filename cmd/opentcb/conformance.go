package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/wirescript"
	"github.com/opentcb/opentcb/tcb"
)

func conformanceCommand() *cobra.Command {
	var env, write, clause string
	cmd := providerCommand("conformance", "Hold a server against the clauses, the real platform too",
		`Play wire scripts against a server and print, clause by clause, what agrees and what
differs. Without --write nothing is changed: the cases that only read are played.
--env names an environment of the Mini Program for cases that need one. --write
names one that may be changed: its whitelist, its switch (which is the whole
account's) and its functions. Cases that need more than one Mini Program, a clock,
or the server's own machine are left out; -v lists them.

The exit status is 1 if something differs.`,
		cobra.ExactArgs(0), func(cmd *cobra.Command, p *provider, c *tcb.Client, _ []string) (answer, error) {
			vars, err := p.conformanceVars(cmd, c, env, write)
			if err != nil {
				return answer{}, err
			}
			scripts, err := wirescript.Load(wirescript.Scripts)
			if err != nil {
				return answer{}, err
			}
			base := c.BaseURL
			if base == "" {
				base = tcb.DefaultBaseURL
			}
			secure := c.HTTP.Transport.(*http.Transport).TLSClientConfig
			player := wirescript.NewPlayer(wirescript.Target{URL: base, TLS: secure, Vars: vars, Context: cmd.Context()})
			report := conformance(player, scripts, write != "", clause)
			if ctx := cmd.Context(); ctx.Err() != nil {
				return answer{}, context.Cause(ctx)
			}
			verbose, _ := cmd.Flags().GetBool("verbose")
			if err := report.print(cmd, verbose); err != nil {
				return answer{}, err
			}
			if report.Differ > 0 {
				return answer{}, errors.New("the server differs from the clauses")
			}
			return answer{}, nil
		})
	f := cmd.Flags()
	f.StringVar(&env, "env", "", "environment of the Mini Program, for cases that read one")
	f.StringVar(&write, "write", "", "environment that may be changed; without it nothing is")
	f.StringVar(&clause, "clause", "", "play only the cases of this clause, such as UT-6")
	f.BoolP("verbose", "v", false, "print what was left out, and why")
	return cmd
}

// conformanceVars returns the values that scripts use: those of the profile, and
// a token.
func (p *provider) conformanceVars(cmd *cobra.Command, c *tcb.Client, env, write string) (map[string]string, error) {
	token, err := c.Tokens.Token(cmd.Context())
	if err != nil {
		return nil, err
	}
	vars := map[string]string{"token c1 a1": token}
	if write != "" {
		env = write
	}
	if env != "" {
		vars["test"] = env
	}
	if chosen, err := p.chosenProfile(); err == nil {
		if m, err := p.chosenMiniProgram(chosen); err == nil {
			vars["c1"], vars["a1"] = chosen.Platform, m.AppID
		}
	}
	return vars, nil
}

// conformanceReport is how a server compares with the clauses.
type conformanceReport struct {
	Agree   int               `json:"agree"`
	Differ  int               `json:"differ"`
	LeftOut int               `json:"left_out"`
	Cases   []conformanceCase `json:"cases"`
}

type conformanceCase struct {
	Clauses []string `json:"clauses"`
	Case    string   `json:"case"`
	Result  string   `json:"result"` // agrees, differs or left out
	Why     string   `json:"why,omitempty"`
}

// conformance plays cases, of one clause or of all; those that change something
// only if write is set.
func conformance(
	player *wirescript.Player, scripts []wirescript.Script, write bool, clause string,
) *conformanceReport {
	report := &conformanceReport{Cases: []conformanceCase{}}
	for _, script := range scripts {
		for _, c := range script.Cases {
			if clause != "" && !slices.Contains(c.Clauses, clause) {
				continue
			}
			result := conformanceCase{Clauses: c.Clauses, Case: c.Script + ": " + c.Title, Result: "agrees"}
			played := wirescript.Result{LeftOut: "it changes something, and there is no --write"}
			if write || c.Reads {
				played = player.PlayCase(script, c)
			}
			switch {
			case played.LeftOut != "":
				result.Result, result.Why = "left out", played.LeftOut
				report.LeftOut++
			case played.Err != nil:
				result.Result, result.Why = "differs", played.Err.Error()
				report.Differ++
			default:
				report.Agree++
			}
			report.Cases = append(report.Cases, result)
		}
	}
	return report
}

func (r *conformanceReport) print(cmd *cobra.Command, verbose bool) error {
	if asJSON(cmd) {
		return answer{v: r}.print(cmd)
	}
	w := cmd.OutOrStdout()
	for _, c := range r.Cases {
		if c.Result == "left out" && !verbose {
			continue
		}
		fmt.Fprintf(w, "%-8s %-12s %s\n", c.Result, strings.Join(c.Clauses, " "), c.Case)
		for line := range strings.Lines(c.Why) {
			fmt.Fprintf(w, "         %s", strings.TrimRight(line, "\n")+"\n")
		}
	}
	_, err := fmt.Fprintf(w, "%d cases agree, %d differ, %d were left out\n", r.Agree, r.Differ, r.LeftOut)
	return err
}
