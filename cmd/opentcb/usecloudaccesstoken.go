package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/words"
	"github.com/opentcb/opentcb/tcb"
)

func useCloudAccessTokenCommand() *cobra.Command {
	return groupCommand("usecloudaccesstoken", "The switch and whitelist of an environment",
		permissionGetCommand(), permissionSetCommand(), permissionEditCommand())
}

// permissionJSON is a permission as --json prints it.
type permissionJSON struct {
	Open         bool     `json:"open"`
	APIWhitelist []string `json:"api_whitelist"`
	Version      int64    `json:"version"`
}

// permissionNow reads a permission, to print it.
func permissionNow(ctx context.Context, c *tcb.Client, env string) (answer, error) {
	perm, err := c.GetCloudAccessToken(ctx, env)
	return permissionAnswer(perm), err
}

func permissionAnswer(perm tcb.Permission) answer {
	if perm.APIWhitelist == nil {
		perm.APIWhitelist = []string{}
	}
	return answer{permissionJSON(perm), permissionText(perm)}
}

func permissionText(perm tcb.Permission) string {
	head := fmt.Sprintf("open: %t\nversion: %d", perm.Open, perm.Version)
	lines := []string{head}
	for _, entry := range perm.APIWhitelist {
		lines = append(lines, words.Printable(entry))
	}
	return strings.Join(lines, "\n")
}

func permissionGetCommand() *cobra.Command {
	return providerCommand("get ENV", "Print the switch, the version and the whitelist",
		`Call usecloudaccesstoken with action get (setCloudAccessToken), and print the switch,
the version, and the whitelist with an entry a line.`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) (answer, error) {
			return permissionNow(cmd.Context(), c, args[0])
		})
}

func permissionSetCommand() *cobra.Command {
	var open, none bool
	var allow []string
	var version int64
	cmd := providerCommand("set ENV [--open=true|false] [--allow ENTRY,…]", "Set the switch and the whitelist",
		`Call usecloudaccesstoken with action set (setCloudAccessToken). --allow names
the entries of the new whitelist, such as /wxa/msg_sec_check or /wxa/*, separated by
commas or one by one; --allow-none empties it. What is not given stays as it is.
With --version, the version that you read, the exit status is 5 if somebody else has
set since.`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) (answer, error) {
			given := cmd.Flags().Changed
			switch {
			case !given("open") && !given("allow") && !none:
				return answer{}, usageError{errors.New("nothing to set: give --open=true or --open=false, --allow ENTRY, or --allow-none")}
			case given("allow") && none:
				return answer{}, usageError{errors.New("give --allow or --allow-none, not both")}
			}
			perm, err := c.GetCloudAccessToken(cmd.Context(), args[0])
			if err != nil {
				return answer{}, err
			}
			if given("version") {
				perm.Version = version
			}
			if given("open") {
				perm.Open = open
			}
			if given("allow") || none {
				perm.APIWhitelist = allow
			}
			if err := setPermission(cmd.Context(), c, args[0], perm); err != nil {
				return answer{}, err
			}
			return permissionNow(cmd.Context(), c, args[0])
		})
	cmd.Flags().BoolVar(&open, "open", false, "whether code in the account's environments may use the token")
	cmd.Flags().StringSliceVar(&allow, "allow", nil, "entries of the whitelist, separated by commas, or given one by one")
	cmd.Flags().BoolVar(&none, "allow-none", false, "empty the whitelist")
	cmd.Flags().Int64Var(&version, "version", 0, "version that was read (default: it is read first)")
	return cmd
}

// setPermission sets. If the arguments are refused because somebody else has set
// since perm.Version, it returns an error with statusConflict.
func setPermission(ctx context.Context, c *tcb.Client, env string, perm tcb.Permission) error {
	err := c.SetCloudAccessToken(ctx, env, perm)
	if !errors.Is(err, tcb.ErrInvalidArgs) {
		return err
	}
	if now, readErr := c.GetCloudAccessToken(ctx, env); readErr == nil && now.Version > perm.Version {
		return statusError{fmt.Errorf("somebody has set %s since version %d: it is at %d now; read it again (%w)",
			env, perm.Version, now.Version, err), statusConflict}
	}
	return err
}

func permissionEditCommand() *cobra.Command {
	return providerCommand("edit ENV", "Edit the switch and the whitelist in your editor",
		`Open the switch and the whitelist in $VISUAL or $EDITOR, and set what you save,
with the version that was read. If somebody else has set meanwhile both sides are
shown, and you are asked which to keep.`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) (answer, error) {
			ctx, env := cmd.Context(), args[0]
			was, err := c.GetCloudAccessToken(ctx, env)
			if err != nil {
				return answer{}, err
			}
			mine, err := edited(ctx, env, was)
			if err != nil {
				return answer{}, err
			}
			if mine.Open == was.Open && slices.Equal(mine.APIWhitelist, was.APIWhitelist) {
				fmt.Fprintln(cmd.ErrOrStderr(), "nothing was changed")
				return permissionAnswer(was), nil
			}
			if err := setOrAsk(cmd, c, env, mine); err != nil {
				return answer{}, err
			}
			return permissionNow(ctx, c, env)
		})
}

// setOrAsk sets; on a conflict it shows both sides and asks.
func setOrAsk(cmd *cobra.Command, c *tcb.Client, env string, mine tcb.Permission) error {
	answers := bufio.NewReader(cmd.InOrStdin())
	for {
		err := setPermission(cmd.Context(), c, env, mine)
		if se, ok := errors.AsType[statusError](err); !ok || se.status != statusConflict {
			return err
		}
		theirs, readErr := c.GetCloudAccessToken(cmd.Context(), env)
		if readErr != nil {
			return readErr
		}
		fmt.Fprintf(cmd.ErrOrStderr(),
			"somebody else has set %s meanwhile\n--- theirs\n%s\n--- yours\n%s\nset yours over theirs? [y/N] ",
			env, permissionText(theirs), permissionText(mine))
		answer, _ := answers.ReadString('\n')
		if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
			return err
		}
		mine.Version = theirs.Version
	}
}

const editHelp = `# Switch and whitelist of %s, version %d.
# The first line is "open: true" or "open: false": one switch for the whole
# account. Every other line is an entry, such as /wxa/msg_sec_check or /wxa/*.
# Lines that begin with # do not count.
`

// edited lets the user's editor change a permission.
func edited(ctx context.Context, env string, was tcb.Permission) (tcb.Permission, error) {
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	if editor == "" {
		return tcb.Permission{}, usageError{errors.New("set EDITOR to your editor, or use 'opentcb usecloudaccesstoken set'")}
	}
	f, err := os.CreateTemp("", "opentcb-edit-*.txt")
	if err != nil {
		return tcb.Permission{}, err
	}
	defer os.Remove(f.Name())
	list := strings.Join(was.APIWhitelist, "\n")
	_, err = fmt.Fprintf(f, editHelp+"open: %t\n%s\n", env, was.Version, was.Open, list)
	if err = errors.Join(err, f.Close()); err != nil {
		return tcb.Permission{}, err
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", editor+` "$1"`, "sh", f.Name())
	if runtime.GOOS == "windows" { // which has no such shell: the editor's name, without arguments
		cmd = exec.CommandContext(ctx, editor, f.Name())
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return tcb.Permission{}, fmt.Errorf("the editor: %w; nothing was changed", err)
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		return tcb.Permission{}, err
	}
	return parseEdited(string(text), was.Version)
}

func parseEdited(text string, version int64) (tcb.Permission, error) {
	perm, seen := tcb.Permission{APIWhitelist: []string{}, Version: version}, false
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !seen && (line == "open: true" || line == "open: false"):
			perm.Open, seen = line == "open: true", true
		default:
			perm.APIWhitelist = append(perm.APIWhitelist, line)
		}
	}
	if !seen {
		return perm, usageError{errors.New(`the line "open: true" or "open: false" is missing; nothing was changed`)}
	}
	return perm, nil
}
