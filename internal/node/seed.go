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
	n.tests.random = map[string]*seeded{}
	for _, purpose := range []string{"keys", "rids", "admin rids"} {
		n.tests.random[purpose] = newSeeded(n.cfg.Seed, fmt.Sprint(purpose, " ", n.tests.starts))
	}
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
