package node

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/opentcb/opentcb/internal/seal"
)

// isSeed reports whether a text is the number that a seed is.
func isSeed(text string) bool { return seedForm.MatchString(text) }

var seedForm = regexp.MustCompile(`^[0-9]{1,18}$`)

// seeded is a generator whose output follows from a seed. It is safe for concurrent
// use, and what follows then is in the order of the calls.
type seeded struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func newSeeded(seed, purpose string) *seeded {
	return &seeded{source: rand.NewChaCha8(sha256.Sum256([]byte("opentcb/seed/" + seed + "/" + purpose)))}
}

// Read implements io.Reader. It does not fail.
func (s *seeded) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source.Read(p)
}

// startSeed begins the generators. After a restart they are others than before, or
// what was issued then would be issued again.
func (n *Node) startSeed() error {
	if n.cfg.Seed == "" {
		return nil
	}
	text, err := n.storage.data.readSecret(startsFile)
	if err == nil {
		n.tests.starts, err = strconv.Atoi(strings.TrimSpace(string(text)))
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil && !n.cfg.Ephemeral {
		err = n.storage.data.writeSecret(startsFile, fmt.Appendln(nil, n.tests.starts+1))
	}
	n.seed()
	return err
}

// seed begins the generators of a server with a seed, again if need be. Each purpose
// has its own, so that one does not depend on what another has given.
func (n *Node) seed() {
	if n.cfg.Seed == "" {
		return
	}
	n.tests.random, n.tests.pushed = map[string]*seeded{}, &counts{of: map[string]int{}}
	for _, purpose := range []string{"keys", "rids", "admin rids"} {
		n.tests.random[purpose] = newSeeded(n.cfg.Seed, fmt.Sprint(purpose, " ", n.tests.starts))
	}
}

// randomFor makes the generator of a push: of the first, second and so on that tells
// the same, so that it does not depend on which push is sent before another. Nil
// without a seed.
func (n *Node) randomFor() func(about string) io.Reader {
	if n.random("keys") == nil {
		return nil
	}
	return func(about string) io.Reader {
		return newSeeded(n.cfg.Seed, fmt.Sprintf("push %d %d %s", n.tests.starts, n.tests.pushed.another(about), about))
	}
}

// counts count what is told apart by a text. They are safe for concurrent use.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) another(about string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[about]++
	return c.of[about]
}

// makeMasterKey makes a new key, which follows from the seed if there is one.
func (c Config) makeMasterKey() []byte {
	if c.Seed == "" {
		return seal.NewMasterKey()
	}
	key := make([]byte, seal.MasterKeyBytes)
	_, _ = newSeeded(c.Seed, "master key").Read(key)
	return key
}

// random is the generator for a purpose; nil for the system's.
func (n *Node) random(purpose string) io.Reader {
	if n.tests == nil || n.tests.random == nil {
		return nil
	}
	return n.tests.random[purpose]
}
