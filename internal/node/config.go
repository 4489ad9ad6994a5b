package node

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/secretfile"
)

// Config is what an operator can set of a server. Default returns one that
// works.
type Config struct {
	Listen      string // address of the API listener
	AdminListen string // address of the admin listener

	// Certificate and key of each listener, PEM files; "": it speaks plain HTTP.
	TLSCert, TLSKey           string
	AdminTLSCert, AdminTLSKey string
	AdminClientCA             string // who signs the certificates of the admin interface's clients; "": they need none

	Intercept         string   // address of the proxy that answers for the real platform's hosts; "": there is none
	InterceptPass     []string // further hosts, which it lets through
	InterceptAnywhere bool     // it takes a free port where that of Intercept is in use

	Data           string // data folder
	Ephemeral      bool   // in place of Data: a folder that goes with the process, and no syncs
	Database       string // postgres://…; "": SQLite in the data folder
	Blobs          string // file:///DIR or s3://…; "": a folder in the data folder
	RequireStandby bool   // changes need a synchronous standby, which Postgres names
	VouchRows      bool   // rows without a right MAC are given one at the start, once
	BlobRedirect   bool   // links lead on to the bucket, which must be s3://

	// The master key comes from one of these; none: the file master-key in the
	// data folder, made at first start.
	MasterKeyFile    string
	MasterKey        string // the key itself, 32 bytes in base64
	MasterKeyCommand string // run by the shell; prints the key

	AdminToken string // "": admin-token in the data folder, made at first start
	World      string // world file to apply before the first request; "": none
	PublicURL  string // how callers reach the API; "": as each did
	// InvalidToken is the errcode of a token that is not genuine, or not the
	// latest: 40014, or 40001 (EN-14).
	InvalidToken int
	Upstream     string // where allowed cloud calls are forwarded to; "": they are answered with success

	// TestMode opens what tests need: a clock that can be moved, and more. Only on
	// the embedded storage.
	TestMode          bool
	Seed              string // a number from which all that is random follows; "": nothing does
	Clock             string // how its clock is set at the start, as clock.Parse reads it; "": as it was at the end
	OpenConsent       bool   // the consent page asks no code; on loopback alone (CO-3)
	Runtime           string // where functions run that have no other place; "": nowhere
	RuntimeSecretFile string // file of what runtimes know the server by; "": they are not told
	RuntimeSecret     string // the secret itself, in place of the file

	PushCA string // file of certificates that event addresses may have, beside the machine's; "": none

	TrustedProxies []string // proxies whose X-Forwarded-For counts: addresses and networks

	Limits   Limits
	Log      *slog.Logger
	LogLevel *slog.LevelVar   // the level of Log, which the operator may change; nil: it cannot be
	LogLost  func() uint64    // lines that Log has lost, for the metrics; nil if it loses none
	Now      func() time.Time // the clock, for tests

	jumped    func() <-chan struct{} // cloud.Config.Jumped
	restoring bool                   // the storage is filled from an archive, and may have code already
}

// Default returns the settings of a server whose operator sets none.
func Default() Config {
	return Config{
		Listen:       "127.0.0.1:8080",
		AdminListen:  "127.0.0.1:8081",
		Data:         "opentcb-data",
		InvalidToken: int(cloud.InvalidToken.Code()),
		Limits:       defaultLimits(),
		Log:          slog.New(slog.DiscardHandler),
		Now:          time.Now,
	}
}

// Check returns an error with a line for each setting that is invalid, or nil.
// It opens nothing. A line names the flag and shows no secrets.
func (c Config) Check() error {
	_, publicURL := parseHost("--public-url", c.PublicURL)
	_, trusted := parsePrefixes(c.TrustedProxies)
	_, upstream := parseHost("--upstream", c.Upstream)
	apiTLS, adminTLS := c.tlsFiles()
	_, pushCA := pushRoots(c.PushCA)
	return errors.Join(
		c.Limits.check(),
		checkAddress("--listen", c.Listen),
		checkAddress("--admin-listen", c.AdminListen),
		apiTLS.check(),
		adminTLS.check(),
		c.checkIntercept(),
		c.CheckStorage(),
		c.checkTestMode(),
		c.checkEphemeral(),
		c.checkOpenConsent(),
		c.checkInvalidToken(),
		c.checkAdminToken(),
		trusted,
		publicURL,
		upstream,
		c.checkRuntime(),
		pushCA,
	)
}

func (c Config) checkRuntime() error {
	if c.Runtime != "" && !cloud.IsRuntimeURL(c.Runtime) {
		return errors.New("--runtime must be http://HOST or https://HOST, with a port and a path if need be")
	}
	return nil
}

// runtimeSecret reads what runtimes know the server by.
func (c Config) runtimeSecret() (string, error) {
	if c.RuntimeSecretFile == "" {
		return c.RuntimeSecret, nil
	}
	text, err := secretfile.Read(c.RuntimeSecretFile)
	secret := strings.TrimSpace(string(text))
	if err == nil && len(secret) < minAdminToken {
		err = fmt.Errorf("--runtime-secret-file: the secret must have at least %d characters", minAdminToken)
	}
	return secret, err
}

// minAdminToken is how many characters an admin token has at least: a shorter one
// could be guessed.
const minAdminToken = 16

func (c Config) checkAdminToken() error {
	if c.AdminToken != "" && len(c.AdminToken) < minAdminToken {
		return fmt.Errorf("--admin-token must have at least %d characters", minAdminToken)
	}
	return nil
}

// parsePrefixes reads addresses and networks.
func parsePrefixes(texts []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, errors.New("--trusted-proxies must be addresses or networks such as 10.0.0.0/8")
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

func (c Config) checkInvalidToken() error {
	if c.invalidToken() == 0 {
		return errors.New("--invalid-token must be 40014 or 40001")
	}
	return nil
}

// invalidToken returns the kind of refusal that InvalidToken is the code of; 0
// if there is none.
func (c Config) invalidToken() cloud.Kind {
	for _, kind := range []cloud.Kind{cloud.InvalidToken, cloud.InvalidCredential} {
		if c.InvalidToken == int(kind.Code()) {
			return kind
		}
	}
	return 0
}

// publicURL is PublicURL without a slash at its end.
func (c Config) publicURL() string { return strings.TrimRight(c.PublicURL, "/") }

// checkOpenConsent is the part of Check about a consent page that anybody may use.
func (c Config) checkOpenConsent() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if ip := net.ParseIP(host); !c.OpenConsent || err == nil && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("--open-consent lets everybody consent who reaches --listen %s: give an address of 127.0.0.1, or leave it out",
		c.Listen)
}

func checkAddress(flag, address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("%s %s: give HOST:PORT, such as 127.0.0.1:8080", flag, address)
	}
	return nil
}

// parseHost reads a setting that is a scheme and a host; nil for "". A path is
// refused: the upstream gets the path that was judged (CC-4).
func parseHost(flag, text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%s must be http://HOST or https://HOST, with a port if need be and nothing else", flag)
	}
	u.Path = ""
	return u, nil
}

// CheckStorage is the part of Check about the storage and the master key.
func (c Config) CheckStorage() error {
	var faults []error
	scheme, _, _ := strings.Cut(c.Database, "://")
	if c.Database != "" && scheme != "postgres" && scheme != "postgresql" {
		faults = append(faults, errors.New("--database must be postgres://USER:PASSWORD@HOST:PORT/DATABASE"))
	}
	if c.Database != "" && c.Blobs == "" {
		faults = append(faults, errors.New("--database needs --blobs: code in the data folder of one server would be missing on the others; give a folder that all share (file:///DIR) or a bucket (s3://…)"))
	}
	if c.RequireStandby && c.Database == "" {
		faults = append(faults, errors.New("--require-standby needs --database: SQLite has no standby"))
	}
	_, err := c.blobs()
	faults = append(faults, err)
	if c.BlobRedirect && !strings.HasPrefix(c.Blobs, "s3:") {
		faults = append(faults, errors.New("--blob-redirect needs --blobs s3://…: only a bucket can serve links"))
	}
	given := 0
	for _, from := range []string{c.MasterKey, c.MasterKeyFile, c.MasterKeyCommand} {
		if from != "" {
			given++
		}
	}
	if given > 1 {
		faults = append(faults, errors.New("give the master key once: --master-key-file, --master-key-command or the variable OPENTCB_MASTER_KEY"))
	}
	return errors.Join(faults...)
}
