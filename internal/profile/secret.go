package profile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/yamlfile"
)

// Secret is a secret, or where it is kept: one of the exported members is set.
type Secret struct {
	Value   string // in the file of profiles itself
	Env     string // name of a variable
	File    string // path of a file
	Command string // run by the shell; prints it

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

// read reads the secret that is the member of that name, in a profile.
func (s *Secret) read(profile, name string) yamlfile.Read {
	members := map[string]*string{"value": &s.Value, "env": &s.Env, "file": &s.File, "command": &s.Command}
	return func(n yamlfile.Node) {
		s.at = fmt.Sprintf("%d: profile %s: %s", n.Line(), profile, name)
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
