package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/agent"
	"github.com/opentcb/opentcb/internal/secretfile"
)

// tokenFile is where the runtime's SDK reads its token (CC-6).
const tokenFile = "/.tencentcloudbase/wx/cloudbase_access_token"

func agentCommand() *cobra.Command {
	var r remote
	var out, code, group, credential, credentialFile string
	logging := logFlags{level: slog.LevelInfo}
	cmd := &cobra.Command{
		Use:   "agent ENV --out FILE [--code DIR]",
		Short: "Keep an environment's token and code fresh in files",
		Long: `Keep the cloudbase_access_token of an environment in a file for its code to read:
got at once, renewed every 10 minutes, replaced as a whole, and readable by its
owner only. While the server is away the file is kept. SIGTERM ends it. With --group
the group may read the file too: so the agent, and its credential, can be another
user's than the code.

With --code the code of every function is kept too: DIR/NAME is a link to an unpacked
folder, and DIR/functions.json says what each function is, its variables included.
Both are replaced as a whole, and what was replaced stays for 10 minutes. One folder is
for one environment.

It authenticates with the credential that 'opentcb env-credential ENV' prints,
with --code as that prints it with --code, or with the admin token.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.runtimeClient(credential, credentialFile)
			if err != nil {
				return err
			}
			log := newLogWriter(cmd.ErrOrStderr(), logging)
			defer log.close()
			outliveReaders()
			log.reloadOnHangup()
			keepers := []func(context.Context) error{func(ctx context.Context) error {
				return agent.Run(ctx, agent.Config{
					Out: out, Group: group, Log: log.logger(),
					Fetch: func(ctx context.Context) (agent.Token, error) { return r.fetchToken(ctx, c, args[0]) },
				})
			}}
			if code != "" {
				keepers = append(keepers, func(ctx context.Context) error {
					return agent.KeepCode(ctx, codeOf(c, args[0], agent.CodeConfig{Dir: code, Group: group, Log: log.logger()}))
				})
			}
			return r.reach(together(cmd.Context(), keepers))
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", tokenFile, "file to keep the token in")
	f.StringVar(&code, "code", "", "folder to keep the code of the environment in (default: it is not kept)")
	f.StringVar(&group, "group", "", "group that may read file and folder, by name or number; the agent's user is in it (default: none, mode 0600)")
	f.StringVar(&credential, "env-credential", "", "the environment's credential; better given by the variable, since others can see arguments")
	f.StringVar(&credentialFile, "env-credential-file", "", "file that holds the credential")
	r.flags(f)
	logging.add(f)
	return cmd
}

// runtimeClient returns a client with the credential of an environment, or,
// with none, with the admin token.
func (r *remote) runtimeClient(credential, file string) (*admin.Client, error) {
	if credential == "" && file == "" {
		c, err := r.client()
		if err != nil && r.token == "" && r.data == "" {
			return nil, usageError{fmt.Errorf("no credential: give --env-credential-file, or set %s ('opentcb env-credential ENV' prints one)",
				variable("env-credential"))}
		}
		return c, err
	}
	if credential == "" {
		text, err := secretfile.Read(file)
		if err != nil {
			return nil, usageError{err}
		}
		credential = strings.TrimSpace(string(text))
	}
	r.token, r.credential = credential, true
	return r.client()
}

// fetchToken asks the server for a token. A refusal of the server's own is
// permanent: the credential is invalid, or there is no such environment. An account
// that is disabled, or without cloud development, may come back. The page of a proxy
// is not permanent, whatever its status.
func (r *remote) fetchToken(ctx context.Context, c *admin.Client, env string) (agent.Token, error) {
	token, err := c.CloudbaseToken(ctx, env)
	return agent.Token{
		Value: token.Token, Life: time.Duration(token.ExpiresIn) * time.Second,
		Credential: time.Duration(token.CredentialExpiresIn) * time.Second,
	}, lasting(err)
}

// lasting marks a refusal that a retry cannot mend as permanent.
func lasting(err error) error {
	refusal, ok := errors.AsType[*admin.Refusal](err)
	passes := []int{http.StatusConflict, http.StatusTooManyRequests}
	if ok && refusal.Status/100 == 4 && !slices.Contains(passes, refusal.Status) {
		return agent.Permanent(err)
	}
	return err
}

// listWait is how long the server may wait with its answer for something to change.
const listWait = 30 * time.Second

// codeOf completes the settings of what keeps an environment's code: it comes from a
// server.
func codeOf(c *admin.Client, env string, cfg agent.CodeConfig) agent.CodeConfig {
	cfg.List = func(ctx context.Context, tag string) (agent.Listing, error) {
		list, tag, err := c.Runtime(ctx, env, tag, listWait)
		if err != nil || list == nil {
			return agent.Listing{Tag: tag}, lasting(err)
		}
		text, err := json.Marshal(list)
		return agent.Listing{Tag: tag, Text: text}, err
	}
	cfg.Code = func(ctx context.Context, name, sum string, w io.Writer) error {
		return c.RuntimeCode(ctx, env, name, sum, w)
	}
	return cfg
}

// together does all until ctx ends, or one ends with an error, which is returned.
func together(ctx context.Context, all []func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, do := range all {
		group.Go(func() error { return do(ctx) })
	}
	return group.Wait()
}
