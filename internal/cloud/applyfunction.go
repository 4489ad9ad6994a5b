package cloud

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/tcb"
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
	configs, err := p.configs(w, account, old, item)
	if err != nil {
		return err
	}
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
	return p.change(PutFunction{f, configs}, about, item, what)
}

// configs checks and seals what a world says of a function's configuration, which
// counts when the function is made. Of one that is there it is told what is another.
func (p *planner) configs(w WorldFunction, account string, old Function, item string) (all []SealedConfig, err error) {
	type object map[string]any
	said := FuncSettings{Timeout: DefaultTimeout}
	seal := func(kind tcb.FuncConfigType, config object) {
		text, _ := json.Marshal(config) // no value here fails
		row, err := p.s.sealConfig(SealedConfig{Account: account, Env: w.Env, Name: w.Name, Kind: kind}, string(text), &said)
		if refused, ok := errors.AsType[*Error](err); ok {
			p.faults.Add(w.Line, "%s: %s", item, refused.Detail)
		}
		all = append(all, row)
	}
	if w.Timeout.Given || w.Environment.Given {
		seal(tcb.FuncConfigProcess, object{
			"timeout": cmp.Or(w.Timeout.Value, DefaultTimeout), "environment": append([]Variable{}, w.Environment.Value...),
		})
	}
	if w.OpenAPI.Given && !w.OpenAPI.Null {
		seal(tcb.FuncConfigAPIs, object{"permissions": object{"openapi": append([]string{}, w.OpenAPI.Value...)}})
	}
	if w.Triggers.Given && !w.Triggers.Null {
		seal(tcb.FuncConfigTriggers, object{"triggers": append([]Trigger{}, w.Triggers.Value...)})
	}
	if old.Name == "" {
		return all, nil
	}
	return nil, p.leaveConfigs(w, account, old, said, item)
}

// leaveConfigs notes what the file says of the configuration of a function that is
// there, and that is another now.
func (p *planner) leaveConfigs(w WorldFunction, account string, old Function, said FuncSettings, item string) error {
	if !w.Timeout.Given && !w.Environment.Given && !w.OpenAPI.Given && !w.Triggers.Given {
		return nil
	}
	settings, err := p.s.settingsOf(p.ctx, account, w.Env, []Function{old})
	if err != nil {
		return err
	}
	now := settings[w.Name]
	for _, list := range [][]Variable{said.Environment, now.Environment} {
		slices.SortFunc(list, func(a, b Variable) int { return strings.Compare(a.Key, b.Key) })
	}
	for _, m := range []struct {
		name  string
		other bool
	}{
		{"timeout", w.Timeout.Given && said.Timeout != now.Timeout},
		{"environment", w.Environment.Given && !slices.Equal(said.Environment, now.Environment)},
		{"openapi", w.OpenAPI.Given && !slices.Equal(said.APIs, now.APIs)},
		{"triggers", w.Triggers.Given && !slices.Equal(said.Triggers, now.Triggers)},
	} {
		if m.other {
			p.leave(item, "%s: it counts when the function is made, and is another now", m.name)
		}
	}
	return nil
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
