package wirescript

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// run is one case being played.
type run struct {
	p       *Player
	c       Case
	vars    map[string]string // by the words of ${…}
	secrets map[string]string // values that no errmsg and no error of ours shows, with what they are
}

// enter makes the world of the case: every name anew, then applied. Without an
// operator the world is there already. The upstream is as a case finds it,
// whatever an earlier one did to it.
func (r *run) enter(script Script) error {
	if r.p.target.Upstream != nil {
		if err := r.p.target.Upstream.reset(); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(script.names)) {
		value, ok := r.p.target.Vars[name]
		if !ok {
			value = r.madeUp(strings.Fields(name))
		}
		r.set(name, value)
	}
	for name, value := range r.p.target.Vars {
		r.set(name, value)
	}
	if r.p.target.Operator == nil {
		return nil
	}
	world, err := script.world.expand(r)
	if err != nil || world == "" {
		return err
	}
	if err := r.p.target.Operator.Apply(world); err != nil {
		return fmt.Errorf("%s: the world is refused: %w", r.c, err)
	}
	return nil
}

// madeUp is a new value for a name of the world.
func (r *run) madeUp(ref []string) string {
	digits := hex.EncodeToString(r.random(16))
	switch kind := ref[0]; {
	case kind == "refresh":
		return "refreshtoken@@@" + base64.RawURLEncoding.EncodeToString(r.random(32))
	case kind == "secret":
		return digits
	case isAccount(kind):
		return "wx" + digits[:14] + kind // c1 and a1 are hex digits: a reader knows whose appid it is
	default:
		return kind + "-" + digits[:10]
	}
}

// isAccount tells names of platforms and Mini Programs (c1, a2) from those of
// environments.
func isAccount(name string) bool {
	return len(name) == 2 && (name[0] == 'c' || name[0] == 'a') && name[1] >= '0' && name[1] <= '9'
}

func (r *run) random(n int) []byte {
	b := make([]byte, n)
	if r.p.target.Random == nil {
		rand.Read(b)
		return b
	}
	_, _ = io.ReadFull(r.p.target.Random, b)
	return b
}

// set keeps a value under the words of its name, and remembers secrets.
func (r *run) set(name, value string) {
	r.vars[name] = value
	switch kind, _, _ := strings.Cut(name, " "); kind {
	case "secret", "refresh", "ticket", "component", "token", "cloudbase":
		r.keepSecret(kind, value)
	}
}

func (r *run) keepSecret(kind, value string) {
	if len(value) >= 8 {
		r.secrets[value] = kind
	}
}

// learn remembers the secrets of an answer.
func (r *run) learn(value any) {
	members, _ := value.(map[string]any)
	for name, member := range members {
		switch s, ok := member.(string); {
		case !ok:
			r.learn(member)
		case name == "url":
			r.keepSecret(name, s[strings.LastIndex(s, "/")+1:])
		case isSecret(name):
			r.keepSecret(name, s)
		}
	}
}

// showsNoSecret holds a message to EN-5.
func (r *run) showsNoSecret(message string) error {
	for secret, kind := range r.secrets {
		if strings.Contains(message, secret) {
			return fmt.Errorf("the message shows a %s (EN-5)", kind)
		}
	}
	return nil
}

// redact takes the case's secrets out of what is shown.
func (r *run) redact(s string) string {
	for secret, kind := range r.secrets {
		s = strings.ReplaceAll(s, secret, "‹"+kind+"›")
	}
	return s
}

// restart stops the server and starts it on the same data.
func (r *run) restart() error {
	url, err := r.p.target.Restart()
	if err == nil {
		r.p.url = strings.TrimSuffix(url, "/")
	}
	return err
}

// moved is the value of a ${…}, an integer moved by what is added.
func (r *run) moved(p part) (string, error) {
	value, err := r.value(p.ref)
	if err != nil || p.plus == 0 {
		return value, err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return "", fmt.Errorf("${%s} is no integer", p.ref[0])
	}
	return strconv.FormatInt(n+int64(p.plus), 10), nil
}

// value finds a value, or obtains it through the real calls.
func (r *run) value(ref []string) (string, error) {
	name := strings.Join(ref, " ")
	if value, ok := r.vars[name]; ok {
		return value, nil
	}
	switch ref[0] {
	case "base64":
		value, err := r.value(ref[1:])
		return base64.StdEncoding.EncodeToString([]byte(value)), err
	case "sha256":
		value, err := r.value(ref[1:])
		sum := sha256.Sum256([]byte(value))
		return hex.EncodeToString(sum[:]), err
	case "ticket":
		return r.ticket(ref[1])
	case "component":
		return r.component(ref[1])
	case "token":
		return r.token(ref[1], ref[2])
	case "cloudbase":
		return r.cloudbase(ref[1])
	}
	return "", fmt.Errorf("no value ${%s}", name)
}
