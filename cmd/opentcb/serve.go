package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/secretfile"
)

func serveCommand() *cobra.Command {
	cfg, logging, readyFile := node.Default(), logFlags{level: slog.LevelInfo}, ""
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server. It keeps its rows and its code inside the data folder; with
--database and --blobs in Postgres and a bucket, which any number of servers
may share: each has a data folder of its own, and all have the same master key.
When it answers requests it prints one line on standard output:

    ready api=http://HOST:PORT admin=http://HOST:PORT

With --tls-cert and --tls-key the interfaces speak HTTPS, and the line says so; with
--intercept it goes on with intercept=http://HOST:PORT.
SIGTERM or SIGINT ends it: no new connection is taken, calls under way are
finished, and the exit status is 0. SIGHUP sets the level of the log back to that
of the start, and does not end it, nor does a reader of its log that goes away.`,
		Args: usageArgs(cobra.ExactArgs(0)),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkConfig(&cfg); err != nil {
				return err
			}
			if cfg.Ephemeral && cmd.Flags().Changed("data") {
				return usageError{errors.New("--ephemeral needs no --data: what the server has ends with the process")}
			}
			log := newLogWriter(cmd.ErrOrStderr(), logging)
			defer log.close()
			cfg.Log, cfg.LogLevel, cfg.LogLost = log.logger(), &log.now, log.lost.Load
			outliveReaders()
			log.reloadOnHangup()
			return serve(cmd.Context(), cfg, cmd.OutOrStdout(), writeReady(readyFile, cfg.Ephemeral), nil)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Data, "data", cfg.Data, "data folder: database, code, master key, admin token")
	f.StringVar(&cfg.Database, "database", "", "postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full; better given by the variable, since others can see arguments (default: SQLite in the data folder)")
	f.StringVar(&cfg.Blobs, "blobs", "", "where code is kept: file:///DIR, or s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION&path-style=true, with credentials from the AWS variables (default: a folder in the data folder)")
	f.BoolVar(&cfg.RequireStandby, "require-standby", false, "with --database: answer every change -1 while the database names no synchronous standby, which would keep it if the primary is lost")
	f.BoolVar(&cfg.VouchRows, "vouch-rows", false, "once, when no server of an earlier version runs on the database any more: vouch for all of its rows, and refuse from then on what is altered outside of the server")
	f.BoolVar(&cfg.BlobRedirect, "blob-redirect", false, "let download links lead on to the bucket, which serves the code itself; such a link cannot be recalled")
	f.BoolVar(&cfg.Ephemeral, "ephemeral", false, "keep nothing beyond the end of the process, in a folder of its own and without syncs; there is no --data then")
	f.StringVar(&readyFile, "ready-file", "", "file to write when the server answers, for programs: {\"api\":…,\"admin\":…,\"admin_token\":…}")
	f.BoolVar(&cfg.OpenConsent, "open-consent", false, "the consent page lists the Mini Programs and asks no code: for development, on loopback alone")
	f.BoolVar(&cfg.TestMode, "test-mode", false, "for tests: the clock can be moved, and more, by whoever has an admin token; never in production")
	f.StringVar(&cfg.Seed, "seed", "", "with --test-mode: a number from which keys, tokens, codes and request ids follow; with a clock that stands two runs of the same calls are answered alike")
	f.StringVar(&cfg.Clock, "clock", "", "with --test-mode: how the clock is set at the start: real, offset+3h, offset-3h, or frozen@2026-01-31T15:04:05Z (default: as it was at the end)")
	f.StringVar(&cfg.World, "world", "", "world file to apply before the first request")
	f.StringVar(&cfg.TLSCert, "tls-cert", "", "PEM file of the interfaces' certificate, before those that signed it: they speak HTTPS; a changed file is taken up within a minute")
	f.StringVar(&cfg.TLSKey, "tls-key", "", "PEM file of its key")
	f.StringVar(&cfg.AdminTLSCert, "admin-tls-cert", "", "likewise of the admin interface")
	f.StringVar(&cfg.AdminTLSKey, "admin-tls-key", "", "PEM file of its key")
	f.StringVar(&cfg.AdminClientCA, "admin-client-ca", "", "PEM file of authorities: the admin interface takes only clients with a certificate of theirs")
	serverFlags(f, &cfg)
	logging.add(f)
	return cmd
}

// serverFlags are the settings that dev has too.
func serverFlags(f *pflag.FlagSet, cfg *node.Config) {
	f.StringVar(&cfg.Listen, "listen", cfg.Listen, "address of the interfaces; port 0 takes a free one")
	f.StringVar(&cfg.AdminListen, "admin-listen", cfg.AdminListen, "address of the admin interface; port 0 takes a free one")
	f.StringVar(&cfg.Intercept, "intercept", cfg.Intercept, "address of a proxy that answers for the real platform's hosts, for clients that have them in their code; on this machine alone ('opentcb help intercept env')")
	f.StringSliceVar(&cfg.InterceptPass, "intercept-pass", nil, "further hosts that the proxy lets through")
	f.StringVar(&cfg.AdminToken, "admin-token", "", "token of the admin interface; better given by the variable, since others can see arguments (default: the file admin-token in the data folder, made at first start)")
	f.StringVar(&cfg.MasterKeyFile, "master-key-file", "", "file with the master key, 32 bytes in base64 (default: master-key in the data folder, made at first start)")
	f.StringVar(&cfg.MasterKeyCommand, "master-key-command", "", "command that prints the master key, run by the shell; the key itself can be given in the variable OPENTCB_MASTER_KEY")
	f.StringVar(&cfg.PublicURL, "public-url", "", "how callers reach the interfaces, for the links that are given out (default: as each caller did)")
	f.StringVar(&cfg.Upstream, "upstream", "", "where cloud calls that are allowed are forwarded to, such as http://127.0.0.1:9000 (default: nowhere, they are answered with success)")
	f.StringVar(&cfg.Runtime, "runtime", "", "where functions run whose environment has no runtime of its own, such as http://127.0.0.1:9100 (default: nowhere)")
	f.StringVar(&cfg.RuntimeSecretFile, "runtime-secret-file", "", "file with the secret that runtimes know the server by, at least 16 characters (default: they are not told)")
	f.StringVar(&cfg.PushCA, "push-ca", "", "file of certificates (PEM) that event addresses over https may have, beside the machine's own")
	f.StringSliceVar(&cfg.TrustedProxies, "trusted-proxies", nil, "proxies before the server whose X-Forwarded-For counts: addresses or networks such as 10.0.0.0/8")
	f.IntVar(&cfg.InvalidToken, "invalid-token", cfg.InvalidToken, "errcode of a token that is false or not the latest: 40014 as documented, or 40001 for clients that renew on that only")
	cfg.Limits.AddFlags(f)
}

// checkConfig refuses invalid settings, all at once.
func checkConfig(cfg *node.Config) error {
	cfg.MasterKey = os.Getenv("OPENTCB_MASTER_KEY") // no flag: others can see arguments
	if err := cfg.Check(); err != nil {
		return usageError{err}
	}
	return nil
}

// serve runs a server until ctx ends. Once the server answers, ready is called
// before that is printed, and begun after it; either may be nil. An error of theirs
// ends the server.
func serve(ctx context.Context, cfg node.Config, stdout io.Writer, ready, begun func(*node.Node) error) error {
	n, err := node.Start(ctx, cfg)
	if err != nil {
		return err
	}
	if ready != nil {
		if err := ready(n); err != nil {
			return errors.Join(err, n.Shutdown(context.Background()))
		}
	}
	line := fmt.Sprintf("ready api=%s admin=%s", n.APIURL(), n.AdminURL())
	if proxy := n.InterceptURL(); proxy != "" {
		line += " intercept=" + proxy
	}
	fmt.Fprintln(stdout, line)
	// A small heap doubles, and so is collected, many times a second under load.
	// Memory that is never touched takes none, and yet counts for the collector. It
	// comes now since its own making is a reason to collect, which a start is not.
	ballast := make([]byte, 32<<20)
	defer runtime.KeepAlive(ballast)
	if begun != nil {
		if err := begun(n); err != nil {
			return errors.Join(err, n.Shutdown(context.Background()))
		}
	}
	select {
	case <-ctx.Done():
		return n.Shutdown(context.Background())
	case err := <-n.Failed():
		return errors.Join(err, n.Shutdown(context.Background()))
	}
}

// writeReady returns what writes the ready file, which nobody else can read. It is
// there whole or not at all. With --ephemeral nothing is synced.
func writeReady(file string, ephemeral bool) func(*node.Node) error {
	if file == "" {
		return nil
	}
	write := secretfile.Write
	if ephemeral {
		write = secretfile.Replace
	}
	return func(n *node.Node) error {
		text, err := json.Marshal(struct {
			API   string `json:"api"`
			Admin string `json:"admin"`
			Token string `json:"admin_token"`
		}{n.APIURL(), n.AdminURL(), n.AdminToken()})
		if err != nil {
			return err
		}
		root, err := os.OpenRoot(filepath.Dir(file))
		if err == nil {
			defer root.Close()
			err = write(root, filepath.Base(file), append(text, '\n'))
		}
		if err != nil {
			return fmt.Errorf("--ready-file: %w", err)
		}
		return nil
	}
}
