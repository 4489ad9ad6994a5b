package cloud

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/opentcb/opentcb/internal/blob"
)

// Function is a cloud function. Sum is the SHA-256 of its code in hex, ""
// while it has none; Owner is the platform that protected the code, "" for
// the merchant's own. OwnerEpoch is new with each owner: links of another one
// are dead (DF-10). Upload is the id of the signed upload that
// brings the code to PutCode, and not kept here. FileSum is the SHA-256 of the code that
// a world file gave it last; "": none did, or a server of before. Times are Unix milliseconds.
type Function struct {
	Account           string
	Env               string
	Name              string
	Owner             string
	OwnerEpoch        int64
	Sum               string
	Size              int64
	Handler           string
	InstallDependency bool
	AddedAt           int64
	ModifiedAt        int64
	Upload            string
	FileSum           string
}

// FunctionStore keeps functions.
type FunctionStore interface {
	Function(ctx context.Context, account, env, name string) (Function, error)
	// Functions returns up to limit functions by name, from offset on, and
	// how many there are in all.
	Functions(ctx context.Context, account, env string, offset, limit int64) ([]Function, int64, error)
	// CreateFunction adds a function without code, and returns false if it
	// exists: ErrNotFound if there is no such environment.
	CreateFunction(ctx context.Context, f Function, rec Record) (bool, error)
	// PutCode replaces a function's code and owner whole (UP-6). If that changes the
	// owner, OwnerEpoch becomes ModifiedAt, or one more than it was. It returns false if there is no
	// such function, and ErrStale if the code is not held. An upload that was taken
	// before changes nothing: ErrRepeated if the function is as it left it,
	// ErrReplayed if something came between.
	PutCode(ctx context.Context, f Function, rec Record) (bool, error)
}

func (s *Service) function(ctx context.Context, account, env, name string) (*Function, error) {
	return s.functions.get(functionKey{account, env, name}, reread, func() (*Function, error) {
		f, err := s.store.Function(ctx, account, env, name)
		return &f, err
	})
}

// functionOf returns a function of the caller's account, EnvironmentNotFound
// or FunctionNotFound.
func (s *Service) functionOf(ctx context.Context, account, env, name string) (*Function, error) {
	f, err := s.function(ctx, account, env, name)
	if errors.Is(err, ErrNotFound) {
		if _, err := s.environmentOf(ctx, account, env); err != nil {
			return nil, err
		}
	}
	return f, notFoundAs(FunctionNotFound, "function not exists", err)
}

const (
	actCreateFunction = "createfunction"
	actListFunctions  = "listfunctions"
	actUpdateCode     = "UpdateFunctionCode"
	actDeploy         = "deploy"
)

// functionName is what a function may be called (UP-1).
var functionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]$`)

// maxHandler bounds the name of a function's entry point, in bytes.
const maxHandler = 128

// CreateFunction adds a function without code to an environment of the
// caller's account (UP-1): InvalidArgs for a name that cannot be or is taken,
// EnvironmentNotFound.
func (s *Service) CreateFunction(ctx context.Context, c Caller, env, name string) error {
	if err := s.createFunction(ctx, c, env, name); err != nil {
		return s.recordOutcome(c, actCreateFunction, Function{Env: env, Name: name}.target(), err)
	}
	return nil
}

func (s *Service) createFunction(ctx context.Context, c Caller, env, name string) error {
	if err := checkFunctionName(name); err != nil {
		return err
	}
	if _, err := s.environmentOf(ctx, c.account(), env); err != nil {
		return err
	}
	f := Function{Account: c.account(), Env: env, Name: name, OwnerEpoch: c.Now, AddedAt: c.Now, ModifiedAt: c.Now}
	ok, err := s.store.CreateFunction(ctx, f, c.record(actCreateFunction, f.target()))
	switch {
	case err != nil:
		return notFoundAs(EnvironmentNotFound, "env not exists", err)
	case !ok:
		return Refused(InvalidArgs, "function "+name+" exists already")
	}
	return nil
}

func checkFunctionName(name string) error {
	if !functionName.MatchString(name) {
		return Refused(InvalidArgs, "function_name must be 2 to 60 letters, digits, - or _, "+
			"begin with a letter and end with a letter or digit")
	}
	return nil
}

// target names the function in the audit record.
func (f Function) target() string {
	return named("env", f.Env) + " " + named("function", f.Name)
}

// The bounds of a list of functions (UP-2).
const (
	DefaultListLimit = 10
	MaxListLimit     = 20
)

// ListFunctions returns up to limit functions of an environment by name, from
// offset on, and how many there are in all (UP-2). EnvironmentNotFound, or
// InvalidArgs for a limit that is not from 1 to MaxListLimit or a negative
// offset.
func (s *Service) ListFunctions(
	ctx context.Context, c Caller, env string, offset, limit int64,
) ([]Function, int64, error) {
	fs, total, err := s.listFunctions(ctx, c, env, offset, limit)
	if err != nil {
		err = s.recordOutcome(c, actListFunctions, named("env", env), err)
	}
	return fs, total, err
}

func (s *Service) listFunctions(
	ctx context.Context, c Caller, env string, offset, limit int64,
) ([]Function, int64, error) {
	if limit < 1 || limit > MaxListLimit {
		return nil, 0, Refused(InvalidArgs, fmt.Sprintf("limit must be from 1 to %d", MaxListLimit))
	}
	if offset < 0 {
		return nil, 0, Refused(InvalidArgs, "offset must not be negative")
	}
	if _, err := s.environmentOf(ctx, c.account(), env); err != nil {
		return nil, 0, err
	}
	fs, total, err := s.store.Functions(ctx, c.account(), env, offset, limit)
	return fs, total, storeError("list functions", err)
}

// CodeUpdate is an upload by a platform, or by the merchant's own developer, who
// needs no CodeSecret. Code is the zip, still a draft.
type CodeUpdate struct {
	Env, Function     string
	CodeSecret        string
	Handler           string
	InstallDependency bool
	Code              blob.Draft
}

// UpdateFunctionCode replaces a function's code with what the caller's
// platform protected by its key, whole or not at all (UP-6). An upload takes its
// time, so the authorization is looked at again before anything is said and
// before anything is changed. CodeSecretMismatch, EnvironmentNotFound,
// FunctionNotFound, InvalidCode, NotAuthorized or MissingPermission.
func (s *Service) UpdateFunctionCode(ctx context.Context, up Upload, u CodeUpdate) error {
	c := s.renewed(up.Caller)
	if err := s.checkUpdate(ctx, c, up, u); err != nil {
		return err
	}
	f := Function{
		Account: c.account(), Env: u.Env, Name: u.Function, Owner: c.Platform,
		Handler: u.Handler, InstallDependency: u.InstallDependency, Upload: up.SecretID,
	}
	if err := s.storeCode(ctx, up.wait, c, u.Code); err != nil {
		return err
	}
	c = s.renewed(c)
	ctx, end := up.wait.begin(ctx)
	defer end()
	// Checking and storing takes its time: a cancellation meanwhile counts (CR-9).
	if err := s.stillAuthorized(ctx, c, up.sets); err != nil {
		return err
	}
	return s.putCode(ctx, c, actUpdateCode, f, u.Code)
}

// checkUpdate is what UpdateFunctionCode checks before it looks at the code.
func (s *Service) checkUpdate(ctx context.Context, c Caller, up Upload, u CodeUpdate) error {
	ctx, end := up.wait.begin(ctx)
	defer end()
	if err := s.stillAuthorized(ctx, c, up.sets); err != nil {
		return err // before anything is said of the key or the function
	}
	if err := s.checkCodeSecret(ctx, c, u.CodeSecret); err != nil {
		return err
	}
	if err := checkHandler(u.Handler); err != nil {
		return err
	}
	_, err := s.functionOf(ctx, c.account(), u.Env, u.Function)
	return err
}

func checkHandler(name string) error {
	if len(name) > maxHandler {
		return Refused(InvalidArgs, fmt.Sprintf("Handler is over %d bytes", maxHandler))
	}
	return nil
}

// putCode makes code the function's. The code is durable already: a row never
// names code that is not there.
func (s *Service) putCode(ctx context.Context, c Caller, action string, f Function, code blob.Draft) error {
	f.Sum, f.Size, f.ModifiedAt = code.Sum().String(), code.Size(), c.Now
	rec := c.record(action, f.target())
	rec.Detail = "sha256 " + f.Sum
	ok, err := s.store.PutCode(ctx, f, rec)
	s.functions.drop(functionKey{f.Account, f.Env, f.Name})
	switch {
	case errors.Is(err, ErrRepeated): // its answer may have been lost
		return s.recordOutcome(c, action, rec.Target, nil)
	case errors.Is(err, ErrReplayed):
		return s.recordOutcome(c, action, rec.Target, Refused(UploadSignatureExpired,
			"the signature was used, and the code was replaced since: ask getuploadsignature for a new one"))
	case err != nil:
		return storeError("put code", err)
	case !ok:
		return Refused(FunctionNotFound, "function not exists")
	}
	return nil
}

// Deploy replaces a function's code for the merchant's own developer, through the
// operator and without a key: nobody owns the code (UP-8). It creates a function
// that does not exist, and returns the code's checksum. NotFound if there is no
// such environment; InvalidArgs or InvalidCode.
func (s *Service) Deploy(ctx context.Context, c Caller, u CodeUpdate) (string, error) {
	if err := checkFunctionName(u.Function); err != nil {
		return "", err
	}
	if err := checkHandler(u.Handler); err != nil {
		return "", err
	}
	account, err := s.store.EnvironmentAccount(ctx, u.Env)
	if err != nil {
		return "", notFoundAs(NotFound, "no environment "+u.Env, err)
	}
	a, err := s.account(ctx, account)
	if err != nil {
		return "", storeError("account", err)
	}
	if err := s.storeCode(ctx, s.newAllowance(), s.renewed(c), u.Code); err != nil {
		return "", err
	}
	c = s.renewed(c).concerning(a)
	f := Function{
		Account: account, Env: u.Env, Name: u.Function, Handler: u.Handler, InstallDependency: u.InstallDependency,
		AddedAt: c.Now, ModifiedAt: c.Now,
	}
	if _, err := s.store.CreateFunction(ctx, f, c.record(actCreateFunction, f.target())); err != nil {
		return "", storeError("create function", err)
	}
	if err := s.putCode(ctx, c, actDeploy, f, u.Code); err != nil {
		return "", err
	}
	return u.Code.Sum().String(), nil
}
