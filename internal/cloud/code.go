package cloud

import (
	"context"
	"errors"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/codezip"
)

// CodeRow is what is known of stored code. Times are Unix milliseconds.
type CodeRow struct {
	Sum      string
	UsedAt   int64 // when it was last held, taken into use or replaced
	DoomedAt int64 // when its removal began; 0 if it stays
	Used     bool  // a function uses it
}

// CodeStore keeps a row for each piece of stored code, so that what no function
// uses can be removed without harm to an upload under way.
type CodeStore interface {
	// HoldCode keeps code that is about to be stored under a sum from being
	// collected, from now (Unix milliseconds) on for as long as the collector's
	// grace. It returns ErrStale if the code is being removed at this moment.
	HoldCode(ctx context.Context, sum string, now int64) error
	// SeeCode takes note of stored code that nobody held.
	SeeCode(ctx context.Context, sums []string, now int64) error
	// CodeRows returns up to limit rows of code with sums beyond after, up to
	// and including upto, in order.
	CodeRows(ctx context.Context, after, upto string, limit int) ([]CodeRow, error)
	// CodeUsers returns up to limit functions that use code: only account,
	// environment, name and sum of each.
	CodeUsers(ctx context.Context, sum string, limit int) ([]Function, error)
	// DoomCode decides that code will be removed: from its return on nobody can
	// hold it or take it into use. It does nothing and returns false if a
	// function uses the code or the row is not as given any more.
	DoomCode(ctx context.Context, c CodeRow, now int64, rec Record) (bool, error)
	// ForgetCode ends the removal of code that was doomed then.
	ForgetCode(ctx context.Context, sum string, doomedAt int64) error
}

// NewCode begins a draft of a function's code, to be written as it streams in and
// given to UpdateFunctionCode or Deploy. Whoever begins one discards it.
func (s *Service) NewCode(ctx context.Context) (blob.Draft, error) {
	d, err := s.blobs.Create(ctx)
	if err != nil {
		return nil, s.codeError("new code", err)
	}
	return d, nil
}

// codeError returns an Error for an error of code storage: Internal for code that
// is not there or damaged, Unavailable for all others, which nearly always pass: a
// full disk, a bucket out of reach. The latter are counted.
func (s *Service) codeError(op string, err error) error {
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrCorrupt) {
		return internalError(op, err)
	}
	s.codeFaults.Add(1)
	return &Error{Kind: Unavailable, Err: wrap(op, err)}
}

// AddCode checks a zip and stores it, for a world file's functions to name, and
// returns its checksum: InvalidCode if it is not a zip that may be uploaded.
func (s *Service) AddCode(ctx context.Context, c Caller, code blob.Draft) (string, error) {
	if err := s.storeCode(ctx, s.newAllowance(), s.renewed(c), code); err != nil {
		return "", err
	}
	return code.Sum().String(), nil
}

// storeCode checks a zip and makes it durable: InvalidCode if it may not be
// uploaded.
func (s *Service) storeCode(ctx context.Context, wait *allowance, c Caller, code blob.Draft) error {
	if err := s.checkZip(ctx, code); err != nil {
		if bad, ok := errors.AsType[*codezip.Error](err); ok {
			return Refused(InvalidCode, bad.Reason)
		}
		return s.codeError("check code", err)
	}
	asking, end := wait.begin(ctx)
	err := s.holdCode(asking, c, code.Sum().String())
	end()
	if err != nil {
		return err
	}
	if err := code.Commit(ctx); err != nil {
		return s.codeError("store code", err)
	}
	return nil
}

// checkZip checks a zip. Checks take at most half of one processor less than
// there are, so that calls have one whatever is uploaded; further ones wait.
func (s *Service) checkZip(ctx context.Context, code blob.Draft) error {
	select {
	case s.checks <- struct{}{}:
		defer func() { <-s.checks }()
	case <-ctx.Done():
		return ctx.Err()
	}
	limits := codezip.UploadLimits
	limits.Pause = restAsLong()
	return codezip.Check(code, code.Size(), limits)
}

// maxRest is the longest pause of a check at once. One that had to wait for its
// processor worked less than it seems.
const maxRest = time.Millisecond

// restAsLong returns a function that waits for as long as its caller has worked
// since the last time. Who keeps a processor busy without a pause is left on it
// by the system for some milliseconds, while a call that woke up beside it waits.
func restAsLong() func() {
	began := time.Now()
	return func() {
		time.Sleep(min(time.Since(began), maxRest))
		began = time.Now()
	}
}

// holdCode keeps code from being collected until a function uses it. It comes
// before the code is stored: code that is there already could be removed after.
func (s *Service) holdCode(ctx context.Context, c Caller, sum string) error {
	if err := s.store.HoldCode(ctx, sum, c.Now); err != nil {
		return storeError("hold code", err) // being removed: trying again will help
	}
	return nil
}
