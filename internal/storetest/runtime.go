package storetest

import "github.com/opentcb/opentcb/internal/cloud"

func (e *exam) marks(envs ...cloud.EnvironmentKey) map[cloud.EnvironmentKey]string {
	e.Helper()
	marks, err := e.store.RuntimeMarks(e.Context(), envs)
	e.ok("RuntimeMarks", err)
	return marks
}

// runtimeMarks: whatever runtimes of an environment see has changed, its mark is
// another, and no other environment's is.
func runtimeMarks(e *exam) {
	one, two := cloud.EnvironmentKey{Account: mini1, Env: env1}, cloud.EnvironmentKey{Account: mini1, Env: env2}
	none := cloud.EnvironmentKey{Account: mini2, Env: env1}
	before := e.marks(one, two, none)
	if _, there := before[none]; there || len(before) != 2 {
		e.Errorf("marks of two environments and of one that is not there: %q", before)
	}
	changes := []struct {
		what string
		do   func() error
	}{
		{"PutCode", func() error {
			_, err := e.store.PutCode(e.Context(), ownedFunction(function1), e.rec("put"))
			return err
		}},
		{"CreateFunction", func() error {
			f := ownedFunction("third")
			f.Sum, f.Owner = "", ""
			_, err := e.store.CreateFunction(e.Context(), f, e.rec("create"))
			return err
		}},
		{"RemoveFunction", func() error {
			_, err := e.store.RemoveFunction(e.Context(), one, function2, e.rec("remove"))
			return err
		}},
		{"RevokeCredentials", func() error {
			return e.store.RevokeCredentials(e.Context(), mini1, env1, e.rec("revoke"))
		}},
	}
	for _, change := range changes {
		e.ok(change.what, change.do())
		after := e.marks(one, two)
		if after[one] == before[one] {
			e.Errorf("after %s the mark is as before, %q", change.what, after[one])
		}
		e.same("mark of another environment after "+change.what, after[two], before[two])
		e.same("mark, read again", e.marks(one, two), after)
		before[one] = after[one]
	}
	many := make([]cloud.EnvironmentKey, 600) // more than one statement reads
	for i := range many {
		many[i] = cloud.EnvironmentKey{Account: mini1, Env: ridOf(int64(i))}
	}
	e.same("marks among many", e.marks(append(many, one, two)...), before)
	e.same("marks of none", len(e.marks()), 0)
}
