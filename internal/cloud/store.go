package cloud

import (
	"context"
	"errors"
)

// Store is where rows are kept: the verbs that the rules need, by noun. Each
// verb is one atomic step. When it returns nil, all of it is done and durable
// (synced); when it returns an error, nothing of it is done, whatever happens to
// the process or the machine.
//
// Every change takes the audit records of its decision and writes them in the
// same transaction. A change that turns out not to happen (false, or a result
// that says so) writes none. A row that is not there is ErrNotFound. An error
// that may pass wraps ErrUnavailable; any other error is a bug. A read sees every
// change that returned before the read began.
type Store interface {
	PlatformStore
	PlatformViewStore
	MiniProgramStore
	AccountStore
	LimitStore
	RemovalStore
	EnvironmentStore
	EnvironmentViewStore
	AuthorizationStore
	RefreshTokenStore
	AuthorizerStore
	ConsentStore
	AuthorizationViewStore
	EventStore
	PushStore
	CodeSecretStore
	PermissionStore
	HistoryStore
	FunctionStore
	FunctionViewStore
	FuncConfigStore
	CodeStore
	WorldStore
	WorldPages
	CredentialStore
	RuntimeStore
	AdminTokenStore
	ObservedStore
	RefusalStore
	AuditStore

	// CheckRows reads all rows that grant something, and the database itself as
	// far as it can tell, and gives what is damaged or altered to found, in
	// words for the operator. An error of found ends it.
	CheckRows(ctx context.Context, found func(what string) error) error
	// Ping reports whether the store can read and write right now: nil, or why
	// not.
	Ping(ctx context.Context) error
	// Close waits for what is under way and closes the store.
	Close() error
}

// ErrNotFound is what a Store returns for a row that is not there.
var ErrNotFound = errors.New("not found")

// ErrAltered is wrapped by what a Store returns for a row that grants something
// and that no server wrote as it is: a disk has altered it, or somebody.
var ErrAltered = errors.New("a row was altered outside of the server")

// ErrUnavailable is wrapped by what a Store returns when trying again may
// help: a full disk, a lock, a database out of reach.
var ErrUnavailable = errors.New("storage unavailable")

// ErrStale is what a Store returns when the rows that a change was decided on
// have changed meanwhile: the rule reads them again and decides again.
var ErrStale = errors.New("decided on stale rows")

// ErrRepeated is what a Store returns for a change that was made already, and is
// still the latest.
var ErrRepeated = errors.New("made already")

// ErrReplayed is what a Store returns for a change that was made already, and that
// another has undone since.
var ErrReplayed = errors.New("made already, and undone since")

// Reasoned is implemented by errors of a Store that tell the operator why. It
// names no path of the host, and is "" if there is no more to tell than that the
// storage is away.
type Reasoned interface {
	error
	Reason() string
}

// storeError returns an Error for an error of storage: Unavailable where trying
// again may help, Internal otherwise (EN-13). op is what was being done.
func storeError(op string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	kind := Internal
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrStale) {
		kind = Unavailable
	}
	return &Error{Kind: kind, Err: wrap(op, err)}
}

// notFoundAs returns a refusal of that kind for ErrNotFound, and storeError for
// any other error of a look-up.
func notFoundAs(kind Kind, detail string, err error) error {
	if errors.Is(err, ErrNotFound) {
		return Refused(kind, detail)
	}
	return storeError("look up", err)
}
