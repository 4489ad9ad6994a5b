package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/agent"
	"github.com/opentcb/opentcb/internal/secretfile"
)

// tokenFile is where the runtime's SDK reads its token (CC-6).
const tokenFile = "/.tencentcloudbase/wx/cloudbase_access_token"

func agentCommand() *cobra.Command {
	var r remote
	var out, group, credential, credentialFile string
	logging := logFlags{level: slog.LevelInfo}
	cmd := &cobra.Command{
		Use:   "agent ENV --out FILE",
		Short: "Keep an environment's cloudbase_access_token fresh in a file",
		Long: `Keep the cloudbase_access_token of an environment in a file for its code to read:
got at once, renewed every 10 minutes, replaced as a whole, and readable by its
owner only. While the server is away the file is kept. SIGTERM ends it. With --group
the group may read the file too: so the agent, and its credential, can be another
user's than the code.

It authenticates with the credential that 'opentcb env-credential ENV' prints,
which is good for nothing else, or with the admin token.`,
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
			return r.reach(agent.Run(cmd.Context(), agent.Config{
				Out: out, Group: group, Log: log.logger(),
				Fetch: func(ctx context.Context) (agent.Token, error) { return r.fetchToken(ctx, c, args[0]) },
			}))
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", tokenFile, "file to keep the token in")
	f.StringVar(&group, "group", "", "group that may read the file, by name or number; the agent's user is in it (default: none, mode 0600)")
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
	refusal, ok := errors.AsType[*admin.Refusal](err)
	passes := []int{http.StatusConflict, http.StatusTooManyRequests}
	if ok && refusal.Status/100 == 4 && !slices.Contains(passes, refusal.Status) {
		return agent.Token{}, agent.Permanent(err)
	}
	return agent.Token{
		Value: token.Token, Life: time.Duration(token.ExpiresIn) * time.Second,
		Credential: time.Duration(token.CredentialExpiresIn) * time.Second,
	}, err
}
