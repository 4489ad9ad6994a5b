package wirescript

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Target is a server to play against. Only URL is needed: a case that needs
// what is nil here is left out, and its Result says so.
type Target struct {
	URL      string       // of the API listener, such as http://127.0.0.1:8080, without a slash at the end
	Client   *http.Client // nil: one of our own, which follows no redirect and unpacks nothing
	TLS      *tls.Config  // of https, and then requests are HTTP/2 where a Client can make them
	Operator Operator
	// Context ends what is played; nil: it ends by itself.
	Context context.Context

	// Clock moves the server's clock forward for good. Its tokens, tickets and
	// signatures age; wall-clock timers need not fire.
	Clock func(time.Duration) error
	// Restart stops the server, starts it on the same data and returns its URL,
	// which may be new. The clock stands where it stood.
	Restart func() (url string, err error)
	// Upstream is where the server forwards cloud calls to.
	Upstream *Upstream
	// Peek returns what an onlooker could read, by place: "stored" all bytes of
	// the data folder but for key files, "log" everything logged so far,
	// "metrics" the page of metrics, "audit" the audit record.
	Peek map[string]func() ([]byte, error)
	// Vars are values of the world where there is no operator to make it ("c1",
	// "a1", "test", "secret c1", "token c1 a1", …); with one they take the place
	// of made-up values. See ReadVars.
	Vars map[string]string
	// Now is the server's clock; nil: the machine's, which Clock has moved.
	Now func() time.Time
	// Random is where made-up names come from; nil: the system's generator.
	Random io.Reader
}

// Operator is the operator's side of the server under test.
type Operator interface {
	// Apply brings the server to a world file. What the world does not name
	// stays as it is.
	Apply(worldYAML string) error
	// Authorize is the merchant's consent; it returns the authorization code.
	Authorize(platform, appid string, sets []int) (code string, err error)
	// Revoke cancels the authorization.
	Revoke(platform, appid string) error
	// Disable disables a platform or Mini Program, or brings it back into use.
	Disable(appid string, disabled bool) error
	// Ticket is the platform's current verify ticket.
	Ticket(platform string) (string, error)
	// Deploy uploads as the merchant's own developer, without a key.
	Deploy(env, function string, zip []byte) error
	// CloudbaseToken is a new cloudbase_access_token of an environment.
	CloudbaseToken(env string) (string, error)
}

// Result is how a case went.
type Result struct {
	Case    Case
	Err     error  // what differs from the script, with file and line; nil where it holds
	LeftOut string // not empty: the case was not played, and why
}

// Player plays cases against one target, one after the other. It remembers the
// rids it has seen and how far the clock was moved.
type Player struct {
	target Target
	client *http.Client
	url    string
	moved  time.Duration
	seen   map[string]bool
}

// NewPlayer makes a player for a running server.
func NewPlayer(target Target) *Player {
	if target.Context == nil {
		target.Context = context.Background()
	}
	p := &Player{target: target, client: target.Client, url: strings.TrimSuffix(target.URL, "/"), seen: map[string]bool{}}
	if p.client == nil {
		p.client = newClient(target.TLS)
	}
	return p
}

// Play plays all cases of a script.
func (p *Player) Play(script Script) []Result {
	var results []Result
	for _, c := range script.Cases {
		results = append(results, p.PlayCase(script, c))
	}
	return results
}

// PlayCase plays one case of a script in a world of its own.
func (p *Player) PlayCase(script Script, c Case) Result {
	if p.target.Context.Err() != nil {
		return Result{Case: c, LeftOut: "the player was ended"}
	}
	if missing := p.missing(script, c); len(missing) > 0 {
		return Result{Case: c, LeftOut: "the target has no " + strings.Join(missing, ", no ")}
	}
	r := &run{p: p, c: c, vars: map[string]string{}, secrets: map[string]string{}}
	r.vars["scheme"], _, _ = strings.Cut(p.url, "://")
	err := r.enter(script)
	for _, s := range c.steps {
		if err == nil {
			err = s.play(r)
		}
	}
	if err != nil {
		err = errors.New(r.redact(err.Error()))
	}
	return Result{Case: c, Err: err}
}

// missing lists what the case needs and the target does not have.
func (p *Player) missing(script Script, c Case) []string {
	var missing []string
	for _, what := range c.Needs {
		if !p.can(what) {
			missing = append(missing, what)
		}
	}
	for _, name := range c.Uses {
		if !p.has(strings.Fields(name)) {
			missing = append(missing, "${"+name+"}")
		}
	}
	return missing
}

func (p *Player) can(what string) bool {
	switch what {
	case "operator":
		return p.target.Operator != nil
	case "clock":
		return p.target.Clock != nil
	case "restart":
		return p.target.Restart != nil
	case "upstream":
		return p.target.Upstream != nil
	}
	return p.target.Peek[strings.TrimPrefix(what, "peek ")] != nil
}

// has reports whether a value of the world can be had, by itself or through the
// calls of section 5.
func (p *Player) has(ref []string) bool {
	if _, ok := p.target.Vars[strings.Join(ref, " ")]; ok || p.target.Operator != nil {
		return true
	}
	switch ref[0] {
	case "component":
		return p.has(ref[1:]) && p.has([]string{"secret", ref[1]}) && p.has([]string{"ticket", ref[1]})
	case "token":
		return p.has([]string{"refresh", ref[1], ref[2]}) && p.has([]string{"component", ref[1]}) && p.has(ref[2:])
	}
	return false
}

// ReadVars reads a file of values for a target without an operator: a line
// "name = value" each, such as "token c1 a1 = …"; blank lines and lines that
// begin with # count for nothing.
func ReadVars(data string) (map[string]string, error) {
	vars := map[string]string{}
	for i, s := range strings.Split(data, "\n") {
		if s = strings.TrimSpace(s); s == "" || strings.HasPrefix(s, "#") {
			continue
		}
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("line %d: no =", i+1)
		}
		vars[strings.Join(strings.Fields(name), " ")] = strings.TrimSpace(value)
	}
	return vars, nil
}
