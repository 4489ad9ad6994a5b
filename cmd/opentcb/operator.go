package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/node"
)

// remote is a command's way to a running server.
type remote struct {
	admin, token, data string
	from               string // where the token was found
	credential         bool   // it is an environment's credential
	json               bool
}

// flags adds the flags of every command that asks a server one thing.
func (r *remote) flags(cmd *cobra.Command) *cobra.Command {
	r.serverFlags(cmd.Flags())
	cmd.Flags().BoolVar(&r.json, "json", false, "print one JSON value")
	return cmd
}

// serverFlags are where the server is, and what lets us in.
func (r *remote) serverFlags(f *pflag.FlagSet) {
	f.StringVar(&r.admin, "admin", "http://127.0.0.1:8081", "address of the server's admin interface")
	f.StringVar(&r.token, "admin-token", "", "its token; better given by the variable, since others can see arguments (default: the file admin-token in the data folder)")
	f.StringVar(&r.data, "data", "", "the server's data folder, to read the token from (default: opentcb-data, else .opentcb)")
}

// client returns a client with the token from where it is to be had.
func (r *remote) client() (*admin.Client, error) {
	if u, err := url.Parse(r.admin); err != nil || u.Host == "" {
		return nil, usageError{fmt.Errorf("--admin %s: give an address such as http://127.0.0.1:8081", r.admin)}
	}
	c := &admin.Client{URL: r.admin, Token: r.token}
	if c.Token != "" {
		r.from = "--admin-token or " + variable("admin-token")
		return c, nil
	}
	folders := []string{r.data}
	if r.data == "" {
		folders = []string{node.Default().Data, devData}
	}
	for _, dir := range folders {
		r.from = "the file " + filepath.Join(dir, node.AdminTokenFile)
		text, err := os.ReadFile(filepath.Join(dir, node.AdminTokenFile))
		if err == nil {
			c.Token = strings.TrimSpace(string(text))
			return c, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("admin token: %w", err)
		}
	}
	return nil, usageError{fmt.Errorf("no admin token: give --data with the server's data folder, or set %s (there is no file %s in %s)",
		variable("admin-token"), node.AdminTokenFile, strings.Join(folders, " or "))}
}

// reach explains why a server could not be reached, or did not let us in.
func (r *remote) reach(err error) error {
	if refusal, ok := errors.AsType[*admin.Refusal](err); ok && refusal.Status == http.StatusUnauthorized && r.credential {
		refusal.Message = fmt.Sprintf("the server at %s refuses the credential: it is another environment's, or was revoked; 'opentcb env-credential ENV' prints one", r.admin)
	} else if ok && refusal.Status == http.StatusUnauthorized {
		refusal.Message = fmt.Sprintf("the server at %s refuses the admin token of %s: give --data with its own data folder, or set %s", r.admin, r.from, variable("admin-token"))
	}
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("cannot reach the admin interface at %s: %w: is the server running there? (--admin)", r.admin, ue.Err)
	}
	return err
}

// print writes a result: v as JSON, or text.
func (r *remote) print(w io.Writer, v any, text string) error {
	return printResult(w, r.json, v, text)
}

func printResult(w io.Writer, asJSON bool, v any, text string) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// remoteCommand makes a command that calls a server.
func remoteCommand(use, short, long string, args cobra.PositionalArgs, do func(cmd *cobra.Command, r *remote, c *admin.Client, args []string) error) *cobra.Command {
	r := &remote{}
	return r.flags(&cobra.Command{
		Use: use, Short: short, Long: long, Args: usageArgs(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			return r.reach(do(cmd, r, c, args))
		},
	})
}

func ticketCommand() *cobra.Command {
	return remoteCommand("ticket PLATFORM", "Print a platform's current verify ticket",
		"Print the verify ticket that the platform needs to get its component_access_token.",
		cobra.ExactArgs(1), func(cmd *cobra.Command, r *remote, c *admin.Client, args []string) error {
			ticket, err := c.Ticket(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), admin.Ticket{Ticket: ticket}, ticket)
		})
}

func authorizeCommand() *cobra.Command {
	var sets []string
	cmd := remoteCommand("authorize PLATFORM APPID --sets 18,49", "Give a merchant's consent and print the authorization code",
		`Give the consent of the Mini Program APPID that PLATFORM acts for it, with these
permission sets, and print the authorization code that api_query_auth exchanges
for tokens: once, within an hour.`,
		cobra.ExactArgs(2), func(cmd *cobra.Command, r *remote, c *admin.Client, args []string) error {
			ids, err := parseSets(sets)
			if err != nil {
				return err
			}
			code, err := c.Authorize(cmd.Context(), args[0], args[1], ids)
			if err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), code, code.AuthorizationCode)
		})
	cmd.Flags().StringSliceVar(&sets, "sets", nil, "ids of the permission sets that are granted; cloud functions need 49 or 64")
	return cmd
}

func parseSets(words []string) ([]int, error) {
	if len(words) == 0 {
		return nil, usageError{errors.New("--sets is missing: give the permission sets, such as --sets 18,49")}
	}
	ids := make([]int, len(words))
	for i, word := range words {
		id, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return nil, usageError{fmt.Errorf("--sets: %q is no permission set: give numbers, such as --sets 18,49", word)}
		}
		ids[i] = id
	}
	return ids, nil
}

func revokeCommand() *cobra.Command {
	return remoteCommand("revoke PLATFORM APPID", "Cancel an authorization",
		"Cancel the authorization of PLATFORM by the Mini Program APPID. Its tokens and\nlinks stop at once; its code protection key is kept for when it is given again.",
		cobra.ExactArgs(2), func(cmd *cobra.Command, r *remote, c *admin.Client, args []string) error {
			if err := c.Revoke(cmd.Context(), args[0], args[1]); err != nil {
				return err
			}
			result := map[string]string{"platform": args[0], "appid": args[1], "authorization": "cancelled"}
			return r.print(cmd.OutOrStdout(), result, "cancelled the authorization of "+args[0]+" by "+args[1])
		})
}

func deployCommand() *cobra.Command {
	return remoteCommand("deploy ENV FUNCTION ZIP-OR-FOLDER", "Upload code as the merchant's own developer",
		"Upload a function's code without a key, as the merchant's own developer does: no\nplatform can download it. The function is created if it is not there.",
		cobra.ExactArgs(3), func(cmd *cobra.Command, r *remote, c *admin.Client, args []string) error {
			zip, err := node.OpenZip(args[2])
			if err != nil {
				return usageError{err}
			}
			defer zip.Close()
			code, err := c.Deploy(cmd.Context(), args[0], args[1], zip)
			if err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), code, "deployed "+args[1]+" in "+args[0]+", sha256 "+code.SHA256)
		})
}

func applyCommand() *cobra.Command {
	return remoteCommand("apply FILE", "Bring a server to what a world file says",
		"Bring a running server to what a world file says, wholly or not at all, and print\nwhat was changed. Applied again it changes nothing.",
		cobra.ExactArgs(1), func(cmd *cobra.Command, r *remote, c *admin.Client, args []string) error {
			file, code, err := node.ReadWorld(args[0], func(zip io.Reader) (string, error) {
				added, err := c.AddCode(cmd.Context(), zip)
				return added.SHA256, err
			})
			if errors.Is(err, fs.ErrNotExist) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			changes, err := c.Apply(cmd.Context(), file, code)
			if err != nil {
				return err
			}
			lines := make([]string, len(changes))
			for i, ch := range changes {
				lines[i] = ch.Item + ": " + ch.Change
			}
			if len(lines) == 0 {
				lines = []string{"nothing to change"}
			}
			return r.print(cmd.OutOrStdout(), admin.Applied{Changes: changes}, strings.Join(lines, "\n"))
		})
}
