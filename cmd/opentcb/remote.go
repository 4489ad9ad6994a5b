package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/profile"
	"github.com/opentcb/opentcb/tcb"
)

// remote is a command's way to a running server.
type remote struct {
	admin, token, data string
	tls                tlsFlags
	from               string // where the token was found
	credential         bool   // it is an environment's credential
}

// remoteCommand makes a command with n arguments that asks a server and prints
// the answer that do returns.
func remoteCommand(
	use, short, long string, n int,
	do func(cmd *cobra.Command, c *admin.Client, args []string) (answer, error),
) *cobra.Command {
	r := &remote{}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: usageArgs(cobra.ExactArgs(n)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			a, err := do(cmd, c, args)
			if err != nil {
				return r.reach(err)
			}
			return a.print(cmd)
		},
	}
	r.flags(cmd.Flags())
	jsonFlag(cmd)
	cmd.ValidArgsFunction = r.complete
	return cmd
}

// flags adds the flags for the server's address and its token.
func (r *remote) flags(f *pflag.FlagSet) {
	f.StringVar(&r.admin, "admin", "http://127.0.0.1:8081", "address of the server's admin interface")
	f.StringVar(&r.token, "admin-token", "",
		"its token; better given by the variable, since others can see arguments (default: the file admin-token in the data folder)")
	f.StringVar(&r.data, "data", "",
		"the server's data folder, to read the token from (default: opentcb-data, else .opentcb)")
	r.tls.add(f)
}

// client returns a client with the token that the flags give, or else the one in
// the data folder.
func (r *remote) client() (*admin.Client, error) {
	if u, err := url.Parse(r.admin); err != nil || u.Host == "" {
		return nil, usageError{fmt.Errorf("--admin %s: give an address such as http://127.0.0.1:8081", r.admin)}
	}
	transport, err := r.tls.transport()
	if err != nil {
		return nil, err
	}
	c := &admin.Client{URL: r.admin, Token: r.token, HTTP: &http.Client{Transport: transport}}
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
		text, err := node.ReadSecret(dir, node.AdminTokenFile)
		if err == nil {
			c.Token = strings.TrimSpace(string(text))
			return c, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, usageError{fmt.Errorf("admin token: %w", err)}
		}
	}
	return nil, usageError{fmt.Errorf("no admin token: give --data with the server's data folder, or set %s (there is no file %s in %s)",
		variable("admin-token"), node.AdminTokenFile, strings.Join(folders, " or "))}
}

// reach explains why a server could not be reached, or refused the token.
func (r *remote) reach(err error) error {
	refusal, ok := errors.AsType[*admin.Refusal](err)
	if ok && refusal.Code == int(tcb.TokenExpired) {
		refusal.Message = fmt.Sprintf("the credential has expired at the server at %s; 'opentcb env-credential ENV' prints another", r.admin)
	} else if ok && refusal.Status == http.StatusUnauthorized && r.credential {
		refusal.Message = fmt.Sprintf("the server at %s refuses the credential: it is another environment's, or was revoked; 'opentcb env-credential ENV' prints one",
			r.admin)
	} else if ok && refusal.Status == http.StatusUnauthorized {
		refusal.Message = fmt.Sprintf("the server at %s refuses the admin token of %s: give --data with its own data folder, or set %s",
			r.admin, r.from, variable("admin-token"))
	}
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("cannot reach the admin interface at %s: %w: %s",
			r.admin, ue.Err, cmp.Or(tlsHint(ue), "is the server running there? (--admin)"))
	}
	return err
}

// tlsHint says what to do about a server that could not be reached because of TLS; "" for
// any other error.
func tlsHint(err error) string {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "--ca-file names the authorities to believe beside the system's"
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return "what listens there has no TLS: write http://"
	}
	return ""
}

// tlsFlags are the flags of commands that call a server.
type tlsFlags struct{ profile.TLS }

func (t *tlsFlags) add(f *pflag.FlagSet) {
	f.StringVar(&t.CAFile, "ca-file", "", "PEM file of authorities to believe beside the system's")
	f.StringVar(&t.ClientCert, "client-cert", "", "PEM file of the certificate to show, for servers that want one")
	f.StringVar(&t.ClientKey, "client-key", "", "PEM file of its key")
}

// transport returns how requests go. What is wrong with the files is wrong usage.
func (t *tlsFlags) transport() (*http.Transport, error) {
	transport, err := t.Transport()
	if err != nil {
		return nil, usageError{err}
	}
	return transport, nil
}

// A shell that asks for values waits this long, and is given so many at most.
const (
	completeTime = 2 * time.Second
	completeMost = 1000
)

var errEnough = errors.New("enough values")

// complete gives the shell the values of the server that an argument may have, by the
// argument's name in the command's usage. Without a server there are none.
func (r *remote) complete(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	names := strings.Fields(cmd.Use)[1:]
	if len(args) >= len(names) || fromEnvironment(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := r.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, end := context.WithTimeout(context.Background(), completeTime)
	defer end()
	var values []string
	add := func(value string) error {
		if strings.HasPrefix(value, begun) {
			values = append(values, value)
		}
		if len(values) == completeMost {
			return errEnough
		}
		return nil
	}
	name := names[len(args)]
	if name == "APPID" && cmd.Parent().Name() == "platform" {
		name = "PLATFORM"
	}
	_ = possible(ctx, c, name, args, add) // those that came before an error are values too
	return values, cobra.ShellCompDirectiveNoFileComp
}

// possible gives each value that an argument of that name may have to add.
func possible(ctx context.Context, c *admin.Client, name string, args []string, add func(string) error) error {
	largest := url.Values{"limit": {"1000"}}
	switch name {
	case "PLATFORM":
		return c.Platforms(ctx, largest, func(p cloud.PlatformView) error { return add(p.AppID) })
	case "APPID":
		return c.MiniPrograms(ctx, largest, func(m cloud.MiniProgram) error { return add(m.AppID) })
	case "ENV":
		return c.Environments(ctx, largest, func(e cloud.EnvironmentView) error { return add(e.ID) })
	case "FUNCTION":
		return c.Functions(ctx, args[0], func(f cloud.FunctionView) error { return add(f.Name) })
	}
	return nil
}
