package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opentcb/opentcb/internal/words"
	"github.com/opentcb/opentcb/tcb"
)

// Change is one difference between an environment and what is wanted.
type Change struct {
	What string `json:"what"`           // open, allow, disallow or function
	Name string `json:"name,omitempty"` // the entry, or the function
	From string `json:"from,omitempty"` // as it is: true, false, or the code's SHA-256, "" for none of ours
	To   string `json:"to,omitempty"`   // as it is wanted
	New  bool   `json:"new,omitempty"`  // the function is not there
}

// String describes the change to a person.
func (c Change) String() string {
	switch {
	case c.What == "allow":
		return "+ " + words.Printable(c.Name)
	case c.What == "disallow":
		return "- " + words.Printable(c.Name)
	case c.What == "open":
		return fmt.Sprintf("open: %s → %s", c.From, c.To)
	case c.New:
		return fmt.Sprintf("function %s: new, code %.12s", words.Printable(c.Name), c.To)
	case c.From == "":
		return fmt.Sprintf("function %s: no code of this platform's → %.12s", words.Printable(c.Name), c.To)
	}
	return fmt.Sprintf("function %s: code %.12s → %.12s", words.Printable(c.Name), c.From, c.To)
}

// comparePermission reads the switch and the whitelist, and returns what differs
// and the permission as wanted, with the version that was read. The order of a
// whitelist does not count.
func comparePermission(ctx context.Context, c *tcb.Client, e Env) (changes []Change, should tcb.Permission, err error) {
	if e.Open == nil && e.Allow == nil {
		return nil, tcb.Permission{}, nil
	}
	now, err := retry(ctx, func() (tcb.Permission, error) { return c.GetCloudAccessToken(ctx, e.ID) })
	if err != nil {
		return nil, tcb.Permission{}, err
	}
	should = now
	if e.Open != nil && *e.Open != now.Open {
		should.Open = *e.Open
		changes = append(changes, Change{What: "open", From: fmt.Sprint(now.Open), To: fmt.Sprint(*e.Open)})
	}
	if e.Allow == nil {
		return changes, should, nil
	}
	added, removed := without(*e.Allow, now.APIWhitelist), without(now.APIWhitelist, *e.Allow)
	for _, entry := range added {
		changes = append(changes, Change{What: "allow", Name: entry})
	}
	for _, entry := range removed {
		changes = append(changes, Change{What: "disallow", Name: entry})
	}
	if len(added)+len(removed) > 0 {
		should.APIWhitelist = *e.Allow
	}
	return changes, should, nil
}

// without returns the entries of a that b does not have.
func without(a, b []string) []string {
	in := make(map[string]bool, len(b))
	for _, entry := range b {
		in[entry] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(entry string) bool { return in[entry] })
}

// compareFunctions returns the functions that are missing or have other code.
// Functions that the file does not name do not count.
func compareFunctions(ctx context.Context, c *tcb.Client, e Env) ([]Change, error) {
	if len(e.Functions) == 0 {
		return nil, nil
	}
	there, err := functions(ctx, c, e.ID)
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, f := range e.Functions {
		change := Change{What: "function", Name: f.Name, To: f.Code.Sum, New: !there[f.Name]}
		if !change.New {
			link, err := retry(ctx, func() (tcb.CodeLink, error) { return c.GetFunctionLink(ctx, e.ID, f.Name) })
			if err != nil && !errors.Is(err, tcb.ErrNotCodeOwner) {
				return nil, err
			}
			change.From = link.Checksum
		}
		if change.From != change.To {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// functions returns the names of an environment's functions.
func functions(ctx context.Context, c *tcb.Client, env string) (map[string]bool, error) {
	return retry(ctx, func() (map[string]bool, error) {
		names := map[string]bool{}
		for f, err := range c.AllFunctions(ctx, env) {
			if err != nil {
				return nil, err
			}
			names[f.Name] = true
		}
		return names, nil
	})
}

// compare returns what differs in an environment.
func compare(ctx context.Context, c *tcb.Client, e Env) ([]Change, error) {
	permission, _, err := comparePermission(ctx, c, e)
	if err != nil {
		return nil, err
	}
	code, err := compareFunctions(ctx, c, e)
	return append(permission, code...), err
}

// conflicts bounds the repetitions of a set when another caller's set came
// between its get and its set.
const conflicts = 5

// apply makes an environment as wanted, and returns what it changed, also with an
// error.
func apply(ctx context.Context, c *tcb.Client, e Env) ([]Change, error) {
	changes, err := applyPermission(ctx, c, e)
	if err != nil {
		return nil, err
	}
	missing, err := compareFunctions(ctx, c, e)
	if err != nil {
		return changes, err
	}
	for _, change := range missing {
		if err := applyFunction(ctx, c, e, change); err != nil {
			return changes, err
		}
		changes = append(changes, change)
	}
	return changes, nil
}

func applyPermission(ctx context.Context, c *tcb.Client, e Env) ([]Change, error) {
	for tries := 1; ; tries++ {
		changes, should, err := comparePermission(ctx, c, e)
		if err != nil || len(changes) == 0 {
			return nil, err
		}
		// A set whose answer was lost can be repeated with the same version, and
		// is answered like the first.
		_, err = retry(ctx, func() (any, error) { return nil, c.SetCloudAccessToken(ctx, e.ID, should) })
		if err == nil {
			return changes, nil
		}
		if !errors.Is(err, tcb.ErrInvalidArgs) {
			return nil, err
		}
		now, readErr := retry(ctx, func() (tcb.Permission, error) { return c.GetCloudAccessToken(ctx, e.ID) })
		if readErr != nil || now.Version <= should.Version {
			return nil, err
		}
		if tries == conflicts {
			return nil, fmt.Errorf("somebody else keeps setting it: %w", err)
		}
	}
}

// applyFunction creates a function if it does not exist, and uploads its code.
func applyFunction(ctx context.Context, c *tcb.Client, e Env, change Change) error {
	code := e.code(change.Name)
	zip, err := code.Zip()
	if err != nil {
		return err
	}
	if change.New {
		if err := create(ctx, c, e.ID, change.Name); err != nil {
			return err
		}
	}
	secret, err := retry(ctx, func() (string, error) { return c.GetCodeSecret(ctx) })
	if err != nil {
		return err
	}
	upload := tcb.CodeUpload{
		Env: e.ID, Function: change.Name, CodeSecret: secret,
		Handler: code.Handler, InstallDependency: code.InstallDependency,
	}
	_, err = retry(ctx, func() (string, error) { return c.UploadFunction(ctx, upload, bytes.NewReader(zip)) })
	return err
}

// create creates a function. It succeeds too if another caller has created it.
func create(ctx context.Context, c *tcb.Client, env, name string) error {
	_, err := retry(ctx, func() (any, error) { return nil, c.CreateFunction(ctx, env, name) })
	if _, refused := errors.AsType[*tcb.Error](err); !refused {
		return err
	}
	there, readErr := functions(ctx, c, env)
	if readErr == nil && there[name] {
		return nil
	}
	return err
}

func (e Env) code(name string) *Code {
	for _, f := range e.Functions {
		if f.Name == name {
			return f.Code
		}
	}
	return nil
}
