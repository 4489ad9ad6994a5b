package cloud

import (
	"fmt"
	"sync"
)

// DefaultCloudbaseTokens is how many cloudbase_access_tokens the runtimes of one
// environment get in a minute: those of 6,000 that renew theirs every ten minutes.
const DefaultCloudbaseTokens = 600

// mints counts the tokens that runtimes got, by environment. Each costs a synced
// write and an audit record, and whoever has got hold of a credential could ask for
// them without end. It is safe for concurrent use.
type mints struct {
	most   int // in a minute
	mu     sync.Mutex
	minute int64
	got    map[EnvironmentKey]int // in that minute
}

// take returns nil if a runtime of an environment may have another token, at that
// time in Unix milliseconds, and LimitReached if not.
func (m *mints) take(env EnvironmentKey, now int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if minute := now / 60_000; m.got == nil || minute != m.minute {
		m.minute, m.got = minute, map[EnvironmentKey]int{}
	}
	if m.got[env] >= m.most {
		return Refused(LimitReached, fmt.Sprintf(
			"the runtimes of the environment have got %d tokens in this minute: try again in the next", m.most))
	}
	m.got[env]++
	return nil
}
