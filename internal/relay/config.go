package relay

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/opentcb/opentcb/internal/profile"
	"github.com/opentcb/opentcb/internal/push"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/secretfile"
	"github.com/opentcb/opentcb/internal/yamlfile"
	"github.com/opentcb/opentcb/tcb"
)

// Config is from whom a relay receives and to whom it passes on.
type Config struct {
	From   tcb.EventKey // of what is pushed to it
	Bearer string       // whoever brings it may see deliveries, and have the ticket
	Ring   *seal.Ring   // seals what is kept; nil: it is not sealed
	To     []Target
}

// Target is an event address.
type Target struct {
	URL string
	Key push.Key
}

const (
	// maxTargets is how many pushes may be under way at most: one of each target.
	maxTargets = 64
	// minBearer is the length of the shortest bearer that nobody guesses.
	minBearer = 16
)

// keyPair is where the token and the key of an address are kept.
type keyPair struct{ token, aesKey profile.Secret }

// fields are the members of a mapping that says where.
func (k *keyPair) fields(of string) []yamlfile.Field {
	return []yamlfile.Field{
		yamlfile.Required("token", profile.ReadSecret(&k.token, of, "token")),
		yamlfile.Required("aes_key", profile.ReadSecret(&k.aesKey, of, "aes_key")),
	}
}

func (k *keyPair) get(ctx context.Context) (tcb.EventKey, error) {
	token, err := k.token.Get(ctx)
	aesKey, errKey := k.aesKey.Get(ctx)
	return tcb.EventKey{Token: token, EncodingAESKey: aesKey}, errors.Join(err, errKey)
}

// file is what the file says of secrets.
type file struct {
	from            keyPair
	bearer, sealKey profile.Secret
	sealed          bool
	keys            []*keyPair // of the targets
}

// ReadConfig reads the file of a relay, which others cannot read, and gets the
// secrets from where it says that they are kept.
func ReadConfig(ctx context.Context, path string) (cfg Config, err error) {
	info, err := os.Stat(path)
	if err == nil {
		err = secretfile.Check(path, info)
	}
	if err != nil {
		return cfg, err
	}
	text, err := yamlfile.ReadFile(path)
	if err != nil {
		return cfg, err
	}
	var f file
	err = yamlfile.Parse(text, path, func(n yamlfile.Node) {
		f.sealed = n.Has("seal_key")
		n.Members("the file of a relay",
			yamlfile.Required("from", func(n yamlfile.Node) { n.Members("from", f.from.fields("from")...) }),
			yamlfile.Required("bearer", profile.ReadSecret(&f.bearer, "the relay", "bearer")),
			yamlfile.Optional("seal_key", profile.ReadSecret(&f.sealKey, "the relay", "seal_key")),
			yamlfile.Required("to", yamlfile.List(func(n yamlfile.Node) {
				var t Target
				k := &keyPair{}
				n.Members("an address", append(k.fields("to"), yamlfile.Required("url", yamlfile.Text(&t.URL, checkURL)))...)
				cfg.To, f.keys = append(cfg.To, t), append(f.keys, k)
			})))
	})
	if err != nil {
		return cfg, err
	}
	if err := cfg.complete(ctx, f); err != nil {
		return cfg, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

func ringOf(ctx context.Context, secret profile.Secret) (*seal.Ring, error) {
	text, err := secret.Get(ctx)
	if err != nil {
		return nil, err
	}
	key, err := seal.ParseMasterKey([]byte(text))
	if err != nil {
		return nil, err
	}
	return seal.NewRing(key)
}

// complete gets the secrets, and reports what is wrong.
func (c *Config) complete(ctx context.Context, f file) (err error) {
	if c.From, err = f.from.get(ctx); err != nil {
		return err
	}
	if c.Bearer, err = f.bearer.Get(ctx); err != nil {
		return err
	}
	if f.sealed {
		if c.Ring, err = ringOf(ctx, f.sealKey); err != nil {
			return fmt.Errorf("seal_key: %w", err)
		}
	}
	if len(c.Bearer) < minBearer {
		return fmt.Errorf("bearer must have at least %d characters (make one with: openssl rand -hex 16)", minBearer)
	}
	if len(c.To) == 0 || len(c.To) > maxTargets {
		return fmt.Errorf("to must have 1 to %d addresses", maxTargets)
	}
	seen := map[string]bool{}
	for i := range c.To {
		t := &c.To[i]
		if seen[t.URL] {
			return fmt.Errorf("the address %s is said twice", t.URL)
		}
		seen[t.URL] = true
		k, err := f.keys[i].get(ctx)
		if err == nil {
			t.Key, err = push.NewKey(k.Token, k.EncodingAESKey)
		}
		if err != nil {
			return fmt.Errorf("the address %s: %w", t.URL, err)
		}
	}
	return nil
}

// checkURL returns what is wrong with an event address.
func checkURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return "is no address: write http://HOST/PATH or https://HOST/PATH"
	}
	return ""
}
