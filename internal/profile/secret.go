package profile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/yamlfile"
)

// Secret is a secret, or where it is kept: one of the exported members is set.
type Secret struct {
	Value   string  // in the file of profiles itself
	Env     string  // name of a variable
	File    string  // path of a file
	Command string  // run by the shell; prints it
	Relay   string  // address of an 'opentcb relay' that has the ticket
	Bearer  *Secret // of the relay

	at    string // file, line, profile and member, for errors
	appid string // whose it is, if the secret stands for many
}

// secretTime is how long a command may take to print a secret.
const secretTime = time.Minute

// SecretError reports that a secret cannot be had, where a profile says that it
// is kept.
type SecretError struct {
	At  string // file, line, profile and member
	Err error
}

// Error returns where and why.
func (e *SecretError) Error() string {
	if e.At == "" {
		return e.Err.Error()
	}
	return e.At + ": " + e.Err.Error()
}

func (e *SecretError) Unwrap() error { return e.Err }

// Get returns the secret, without the space around it. Its errors are
// *SecretError and do not show it.
func (s Secret) Get(ctx context.Context) (string, error) {
	text, err := s.find(ctx)
	if err != nil {
		return "", &SecretError{s.at, err}
	}
	if text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff")); text == "" {
		return "", &SecretError{s.at, errors.New("it is empty")}
	}
	return text, nil
}

func (s Secret) find(ctx context.Context) (string, error) {
	switch {
	case s.Env != "":
		text := os.Getenv(s.Env)
		if text == "" {
			return "", fmt.Errorf("the variable %s is not set", s.Env)
		}
		return text, nil
	case s.File != "":
		text, err := os.ReadFile(s.File)
		return string(text), err
	case s.Command != "":
		return s.run(ctx)
	case s.Relay != "":
		return s.ask(ctx)
	}
	return s.Value, nil
}

// run returns what the command prints.
func (s Secret) run(ctx context.Context) (string, error) {
	if runtime.GOOS == "windows" {
		return "", errors.New("its command needs a shell, which Windows has not: give an env or a file")
	}
	ctx, cancel := context.WithTimeout(ctx, secretTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", s.Command)
	if s.appid != "" {
		cmd.Env = append(os.Environ(), "APPID="+s.appid)
	}
	cmd.Stderr, cmd.WaitDelay = os.Stderr, time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("its command failed: %w", err)
	}
	return string(out), nil
}

// of returns the secret of one Mini Program, where one secret stands for many:
// {appid} in the name of a variable or a file, $APPID in a command. Of no secret it
// is none.
func (s Secret) of(appid string) Secret {
	if s.none() {
		return s
	}
	s.Env = strings.ReplaceAll(s.Env, "{appid}", appid)
	s.File = strings.ReplaceAll(s.File, "{appid}", appid)
	s.appid = appid
	if s.at != "" {
		s.at += " of " + appid
	}
	return s
}

// none reports whether nothing is said of the secret.
func (s Secret) none() bool { return s == Secret{} }

// ticketRead bounds what a relay answers.
const ticketRead = 64 << 10

// ask returns the ticket that a relay has.
func (s Secret) ask(ctx context.Context) (string, error) {
	bearer, err := s.Bearer.Get(ctx)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(s.Relay, "/")+"/ticket", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	client := http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // the bearer is the relay's alone
	}}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, ticketRead))
	var has struct {
		Ticket string `json:"component_verify_ticket"`
	}
	switch {
	case err != nil:
		return "", err
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the relay at %s has no ticket for this: it answered %d", s.Relay, resp.StatusCode)
	case json.Unmarshal(text, &has) != nil:
		return "", fmt.Errorf("what answers at %s is no relay", s.Relay)
	}
	return has.Ticket, nil
}

// ReadSecret reads a secret that is the member of that name in a file of something
// else.
func ReadSecret(s *Secret, of, name string) yamlfile.Read { return s.readIn(of, name) }

// read reads the secret that is the member of that name, in a profile.
func (s *Secret) read(profile, name string) yamlfile.Read { return s.readIn("profile "+profile, name) }

func (s *Secret) readIn(of, name string) yamlfile.Read {
	members := map[string]*string{"value": &s.Value, "env": &s.Env, "file": &s.File, "command": &s.Command}
	return func(n yamlfile.Node) {
		s.at = fmt.Sprintf("%d: %s: %s", n.Line(), of, name)
		if name == "ticket" && n.Has("relay") {
			s.Bearer = &Secret{}
			n.Members(name, yamlfile.Required("relay", yamlfile.Text(&s.Relay, CheckAddress)),
				yamlfile.Required("bearer", s.Bearer.readIn(of, "bearer")))
			return
		}
		var fields []yamlfile.Field
		given := 0
		for _, member := range []string{"value", "env", "file", "command"} {
			fields = append(fields, yamlfile.Optional(member, func(n yamlfile.Node) {
				yamlfile.Secret(members[member], yamlfile.NotEmpty)(n.In(name))
			}))
			if n.Has(member) {
				given++
			}
		}
		if n.Members(name, fields...) && given != 1 {
			n.Report("%s needs one of value, env, file and command", name)
		}
	}
}
