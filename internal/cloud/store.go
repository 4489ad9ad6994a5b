package cloud

import (
	"context"

	"github.com/opentcb/opentcb/tcb"
)

// Store is the list of verbs that the rules need. Each is one atomic step:
// wholly done and durable (synced) when it returns nil, not done at all when
// it returns an error, whatever happens to the process or the machine.
//
// Every change takes the audit records of its decision and writes them in the
// same transaction; a change that turns out not to happen (false, or a
// result that says so) writes none. A row that is not there is ErrNotFound;
// errors that may pass wrap ErrUnavailable; anything else is a bug. Reads see
// every change that returned before they began.
type Store interface {
	Platform(ctx context.Context, appid string) (Platform, error)
	Account(ctx context.Context, appid string) (Account, error)
	Authorization(ctx context.Context, platform, appid string) (Authorization, error)
	AuthCode(ctx context.Context, platform, codeMAC string) (AuthCode, error)
	// CodeSecret returns the sealed code protection key.
	CodeSecret(ctx context.Context, platform, appid string) (string, error)
	// Environment returns an environment of the account together with the
	// account's state, as of one moment.
	Environment(ctx context.Context, account, id string) (Environment, error)
	// EnvironmentAccount returns the account of an environment by its id,
	// which is unique in the server.
	EnvironmentAccount(ctx context.Context, id string) (string, error)
	Function(ctx context.Context, account, env, name string) (Function, error)
	// Functions returns up to limit functions by name, from offset on, and
	// how many there are in all.
	Functions(ctx context.Context, account, env string, offset, limit int64) ([]Function, int64, error)
	// Records gives the audit records that fit the filter to each, oldest
	// first, and ends early with an error of each.
	Records(ctx context.Context, f RecordFilter, each func(Record) error) error

	// History returns what is kept of the changes of an environment's
	// permission, oldest first: how it was made and its sets, in the order of
	// their versions, and the sets of the account's other environments that
	// flipped the switch, by their times. At least the
	// latest HistoryKept of the environment's own are there.
	History(ctx context.Context, account, env string) ([]PermissionChange, error)
	// CredentialEpoch returns how often the credentials of an environment
	// were revoked; 0 if they never were.
	CredentialEpoch(ctx context.Context, account, env string) (int64, error)
	// Observed returns the counts of an environment's cloud calls since a
	// time (Unix milliseconds), by hour, in no particular order.
	Observed(ctx context.Context, account, env string, since int64) ([]Observed, error)
	// Refusals gives the records of refused cloud calls from since until
	// until (Unix milliseconds, exclusive) to each, oldest first, and ends
	// early with an error of each.
	Refusals(ctx context.Context, since, until int64, each func(Record) error) error

	// IssueComponentToken replaces the platform's issue times, if they are
	// still the old ones; false if they are not.
	IssueComponentToken(ctx context.Context, platform string, old, next Issues, rec Record) (bool, error)
	// IssueAuthorizerToken replaces the issue times of the authorization of
	// that epoch, if it is in force and they are still the old ones.
	IssueAuthorizerToken(ctx context.Context, a Authorization, next Issues, rec Record) (bool, error)
	// RedeemAuthCode uses up an authorization code and stores what was issued
	// for it. False if the code was used, or the authorization is not as
	// given any more.
	RedeemAuthCode(ctx context.Context, a Authorization, codeMAC, refreshMAC string, next Issues, rec Record) (bool, error)
	// Consent puts an authorization in force with these sets. One that was
	// not in force gets a new epoch and neither refresh token nor issue times.
	// The code is stored under the epoch that results.
	Consent(ctx context.Context, platform, appid string, sets []int, code AuthCode, rec Record) error
	// Revoke ends an authorization and voids its refresh token; false if
	// there is none in force.
	Revoke(ctx context.Context, platform, appid string, rec Record) (bool, error)
	// AddCodeSecret stores a sealed key unless there is one, and returns the
	// one that is there afterwards.
	AddCodeSecret(ctx context.Context, platform, appid, sealed string, rec Record) (string, error)
	// SetPermission carries out UT-5 to UT-9 in one step. An accepted set
	// becomes part of the history, with the time, rid and caller of rec.
	SetPermission(ctx context.Context, set PermissionSet, rec Record) (PermissionResult, error)
	// CreateFunction adds a function without code; false if it exists.
	CreateFunction(ctx context.Context, f Function, rec Record) (bool, error)
	// PutCode replaces a function's code and owner whole (UP-6), and counts
	// OwnerEpoch up if that changes the owner; false if there is no such
	// function, ErrStale if the code is not held.
	PutCode(ctx context.Context, f Function, rec Record) (bool, error)
	// HoldCode keeps code that is about to be stored under a sum from being
	// collected, from now (Unix milliseconds) on as long as the collector's
	// grace. ErrStale if it is being removed at this moment.
	HoldCode(ctx context.Context, sum string, now int64) error
	// SeeCode takes note of stored code that nobody held.
	SeeCode(ctx context.Context, sums []string, now int64) error
	// CodeRows returns up to limit rows of code with sums beyond after, up to
	// and including upto, in order.
	CodeRows(ctx context.Context, after, upto string, limit int) ([]CodeRow, error)
	// CodeUsers returns up to limit functions that use code: account,
	// environment, name and sum alone.
	CodeUsers(ctx context.Context, sum string, limit int) ([]Function, error)
	// DoomCode decides that code will be removed: from its return on nobody can
	// hold it or take it into use. False, and nothing done, if a function uses
	// it or the row is not as given any more.
	DoomCode(ctx context.Context, c CodeRow, now int64, rec Record) (bool, error)
	// ForgetCode ends the removal of code that was doomed then.
	ForgetCode(ctx context.Context, sum string, doomedAt int64) error
	// Apply carries out all changes of a world file, or none. ErrStale if
	// one of them does not fit what is there any more, or code is not held.
	Apply(ctx context.Context, changes []Change, recs []Record) error
	// RevokeCredentials counts the credential epoch of an environment up.
	RevokeCredentials(ctx context.Context, account, env string, rec Record) error
	// AddObserved adds counts of cloud calls to those that are there.
	AddObserved(ctx context.Context, counts []Observed) error
	// AppendRefusals writes records of refused cloud calls.
	AppendRefusals(ctx context.Context, recs []Record) error
	// Prune deletes what observation and history keep beyond their bounds:
	// records of refused calls before a time (Unix milliseconds) or older than
	// the latest RefusalsKept, and of the named environments the counts before
	// that time and the history beyond the latest HistoryKept changes. What is
	// in bounds stays; a little more than that may.
	Prune(ctx context.Context, before int64, envs []EnvironmentKey) error
	// AppendRecords writes audit records of decisions that changed nothing.
	AppendRecords(ctx context.Context, recs []Record) error

	// Ping says whether the store can read and write right now: nil, or why
	// not.
	Ping(ctx context.Context) error
	// Close waits for what is under way and closes the store.
	Close() error
}

// Platform is a third-party platform. SecretMAC recognizes its secret;
// FixedTicket is the sealed ticket of the world file, "" if it has none.
type Platform struct {
	AppID       string
	SecretMAC   string
	FixedTicket string
	Issued      Issues
}

// Account is whom environments belong to: a Mini Program or a platform.
type Account struct {
	AppID      string
	IsPlatform bool
	Cloud      bool // cloud development is opened (UT-13); always true for a platform
}

// Authorization lets a platform act for a Mini Program. Epoch counts how
// often it was given anew: tokens and links of an earlier epoch are void.
type Authorization struct {
	Platform   string
	AppID      string
	InForce    bool
	Epoch      int64
	Sets       []int  // permission-set ids, in the order they were granted
	RefreshMAC string // recognizes the refresh token; "" if there is none
	Issued     Issues
}

// AuthCode is an authorization code, known by its MAC alone. Times are Unix
// milliseconds; UsedAt is 0 until it is used.
type AuthCode struct {
	Platform  string
	CodeMAC   string
	AppID     string
	Epoch     int64
	ExpiresAt int64
	UsedAt    int64
}

// Environment is a cloud-development environment with its account's state.
// SetVersion and SetOpen are what the last accepted set carried (UT-7);
// SetVersion is -1 before the first.
type Environment struct {
	Account    string
	ID         string
	Cloud      bool
	Open       bool
	Whitelist  []string
	Version    int64
	SetVersion int64
	SetOpen    bool
}

// PermissionSet is one set on an environment.
type PermissionSet struct {
	Account   string
	Env       string
	Open      bool
	Whitelist []string
	Version   int64
}

// PermissionResult says what became of a set. If it was not accepted, Current
// is the environment that refused it. Touched are the account's other
// environments, if their versions changed because the switch was flipped.
type PermissionResult struct {
	Accepted bool
	Current  Environment
	Touched  []string
}

// Function is a cloud function. Sum is the SHA-256 of its code in hex, ""
// while it has none; Owner is the platform that protected the code, "" for
// the merchant's own. OwnerEpoch counts how often the owner changed: links of
// an earlier one are dead (DF-10). Times are Unix milliseconds.
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
}

// CodeRow is what is known of stored code. Times are Unix milliseconds.
type CodeRow struct {
	Sum      string
	UsedAt   int64 // when it was last held, taken into use or replaced
	DoomedAt int64 // when its removal began; 0 if it stays
	Used     bool  // a function uses it
}

// HistoryKept is how many changes of an environment's permission are kept at
// least, and RefusalsKept how many records of refused cloud calls.
const (
	HistoryKept  = 200
	RefusalsKept = 1_000_000
)

// EnvironmentKey names an environment within its account.
type EnvironmentKey struct{ Account, Env string }

// PermissionChange is an accepted set, or the making of an environment, as
// the history keeps it.
type PermissionChange struct {
	Account   string
	Env       string // through which it was set
	Version   int64  // of that environment from then on
	At        int64  // Unix milliseconds
	RID       string
	Operator  bool   // done by the operator; else by Platform
	Platform  string // "" if the operator did it
	Open      bool   // the account's switch from then on
	Flipped   bool   // the switch was the other way before
	Whitelist []string
}

// Observed is how often code of an environment called one path in one hour,
// with one outcome.
type Observed struct {
	Account string
	Env     string
	Hour    int64  // when the hour began, Unix milliseconds
	Path    string // "" for calls of paths that were not kept apart
	Code    tcb.Code
	Count   int64
}
