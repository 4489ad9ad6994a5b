package cloud

import (
	"errors"
	"fmt"

	"github.com/opentcb/opentcb/internal/blob"
)

// function plans what a world says of a function. Its code counts when the function is
// made, and when it is other code than a file said before. A start applies the same file
// again, and must not undo what was deployed since.
func (p *planner) function(w WorldFunction) error {
	account, err := p.environmentAccount(w.Env)
	if err != nil {
		return err
	}
	if account == "" {
		return p.reject(w.Line, "function %s: there is no environment %s", w.Name, w.Env)
	}
	old, err := p.s.store.Function(p.ctx, account, w.Env, w.Name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	item := "function " + w.Env + " " + w.Name
	if w.NoZip && old.Sum != "" {
		p.leave(item, "zip: there is code, which a file does not take away")
		return nil
	}
	what := ""
	switch isNew, hasCode := old.Name == "", w.Sum != ""; {
	case isNew && !hasCode:
		what = "added"
	case isNew:
		what = "added with code"
	case !hasCode || w.Sum == old.Sum && (w.Sum == old.FileSum || old.Owner != ""):
		return nil
	case w.Sum == old.Sum:
		p.note(account, w)
		return nil
	case old.Owner != "":
		p.leave(item, "zip: the code is a platform's, which the file does not replace")
		return nil
	case p.world.Options.Start && old.Sum != "" && (old.FileSum == w.Sum || old.FileSum == ""):
		p.leave(item, "zip: other code was deployed since, and stays: apply replaces it")
		return nil
	default:
		what = "code replaced"
	}
	f := Function{Account: account, Env: w.Env, Name: w.Name, Sum: w.Sum, FileSum: w.Sum}
	f.OwnerEpoch, f.AddedAt, f.ModifiedAt = p.caller.Now, p.caller.Now, p.caller.Now
	if w.Zip != "" && !p.world.Options.DryRun {
		if err := p.s.holdCode(p.ctx, p.caller, w.Sum); err != nil {
			return err
		}
	}
	if f.Size, err = p.codeSize(w); err != nil {
		return p.reject(w.Line, "function %s: %v", w.Name, err)
	}
	about := Caller{AppID: account}
	if a, err := p.account(account); err == nil && a != nil {
		about = Caller{}.concerning(*a)
	}
	return p.change(PutFunction{f}, about, item, what)
}

// note remembers that a function's code is what a file says. Nobody is told: nothing of
// the function changes.
func (p *planner) note(account string, w WorldFunction) {
	p.notes = append(p.notes, NoteFileCode{Account: account, Env: w.Env, Name: w.Name, Sum: w.Sum})
}

// codeSize returns the size of a function's code, and an error if it was not
// added before.
func (p *planner) codeSize(w WorldFunction) (int64, error) {
	if w.Zip == "" || p.world.Options.DryRun {
		return 0, nil
	}
	missing := fmt.Errorf("the code of %s was not added to the server", w.Zip)
	sum, err := blob.ParseSum(w.Sum)
	if err != nil {
		return 0, missing
	}
	b, err := p.s.blobs.Open(p.ctx, sum)
	if err != nil {
		return 0, missing
	}
	defer b.Close()
	return b.Size(), nil
}
