package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/opentcb/opentcb/tcb"
)

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
