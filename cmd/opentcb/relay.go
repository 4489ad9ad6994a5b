package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/profile"
	"github.com/opentcb/opentcb/internal/relay"
)

const relayManual = `Be the event address of a platform, of WeChat or of an OpenTCB: verify and decrypt what
comes to ADDR/events, answer success once it is stored, and pass it on to any
number of addresses, encrypted with the token and the key of each. What an address does
not take is tried again for a day, also after a restart. SIGTERM ends it.

The file, which only its owner may read, says where the secrets are: each is one of
value, env, file and command.

    from:                                  # the platform's own configuration
      token: {file: /run/wechat_token}
      aes_key: {file: /run/wechat_aes_key}
    bearer: {env: RELAY_BEARER}            # at least 16 characters
    seal_key: {file: /run/relay_key}       # optional: 32 bytes in base64
    to:
      - url: http://127.0.0.1:9000/events
        token: {env: STAGING_TOKEN}
        aes_key: {env: STAGING_AES_KEY}

Whoever brings the bearer gets the latest ticket from /ticket, as a profile's
'ticket: {relay: URL, bearer: {file: …}}' does, sees /deliveries, and has one sent
again by POST /deliveries/ID/again.`

func relayCommand() *cobra.Command {
	var listen, platform, config, data, cert, key string
	logging := logFlags{level: slog.LevelInfo}
	cmd := &cobra.Command{
		Use:   "relay --platform APPID --config FILE",
		Short: "Pass on what is pushed to a platform, and its ticket",
		Long:  relayManual,
		Args:  usageArgs(cobra.ExactArgs(0)),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wrong := profile.CheckAppID(platform); wrong != "" {
				return usageError{fmt.Errorf("--platform %q %s", platform, wrong)}
			}
			if config == "" {
				return usageError{errors.New("give --config, with the file that says from whom and to whom")}
			}
			cfg, err := relay.ReadConfig(cmd.Context(), config)
			if err != nil {
				return usageError{err}
			}
			log := newLogWriter(cmd.ErrOrStderr(), logging)
			defer log.close()
			outliveReaders()
			log.reloadOnHangup()
			secure, err := node.ServerTLS(cmd.Context(), cert, key, log.logger())
			if err != nil {
				return usageError{err}
			}
			r, err := relay.New(cfg, platform, data, log.logger())
			if err != nil {
				return err
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return errors.Join(fmt.Errorf("--listen %s: %w", listen, err), r.Close())
			}
			at := "http://" + l.Addr().String()
			if secure != nil {
				at = "https://" + l.Addr().String()
			}
			fmt.Fprintf(cmd.OutOrStdout(), "ready relay=%s events=%s/events\n", at, at)
			return errors.Join(serveRelay(cmd.Context(), r, l, secure), r.Close())
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:9300", "address where pushes and those who ask arrive; port 0 takes a free one")
	f.StringVar(&platform, "platform", "", "component_appid of the platform")
	f.StringVar(&config, "config", "", "file that says from whom and to whom")
	f.StringVar(&cert, "tls-cert", "", "certificate to speak TLS with (PEM, chain first); taken up when it changes")
	f.StringVar(&key, "tls-key", "", "its key")
	f.StringVar(&data, "data", "opentcb-relay", "folder to keep events and the ticket in; one relay at a time")
	logging.add(f)
	return cmd
}

// relayTime bounds a request to a relay, and how long one that ends waits for those
// that have begun.
const relayTime = 15 * time.Second

// serveRelay answers until ctx ends, with TLS if there are settings of it.
func serveRelay(ctx context.Context, h http.Handler, l net.Listener, secure *tls.Config) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: relayTime, ReadTimeout: relayTime, WriteTimeout: 2 * relayTime,
		IdleTimeout: 2 * time.Minute,
	}
	l = node.Bound(srv, l, secure)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), relayTime)
	defer cancel()
	if err := srv.Shutdown(end); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
