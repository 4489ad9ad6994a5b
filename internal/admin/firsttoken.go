package admin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// FirstToken is the token of the first admin, which is in no store: it is known
// when the store is away, and before there are others. It is safe for concurrent
// use.
type FirstToken struct {
	// Save keeps the token that replaces another, and the hashes of those that
	// are still good, before they count. Nil: the token cannot be replaced.
	Save func(token string, old []OldToken) error
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	mu    sync.RWMutex
	token string
	old   []OldToken
}

// OldToken is a token that was replaced and is good until then. Its hash is what
// is kept of it.
type OldToken struct {
	Sum   [sha256.Size]byte
	Until time.Time
}

// NewFirstToken returns a token, and those that it replaced.
func NewFirstToken(token string, old []OldToken) *FirstToken {
	return &FirstToken{token: token, old: old}
}

// Token returns the token.
func (f *FirstToken) Token() string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.token
}

func (f *FirstToken) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

// Is reports whether a token is the first admin's. It compares in constant time
// (CR-11).
func (f *FirstToken) Is(token string) bool {
	if token == "" {
		return false
	}
	given := sha256.Sum256([]byte(token))
	f.mu.RLock()
	defer f.mu.RUnlock()
	sum := sha256.Sum256([]byte(f.token))
	is := subtle.ConstantTimeCompare(given[:], sum[:])
	for _, old := range f.old {
		if f.now().Before(old.Until) {
			is |= subtle.ConstantTimeCompare(given[:], old.Sum[:])
		}
	}
	return is == 1
}

// rotate replaces the token by a new one, which it returns. The old one, and
// those before, are good for overlap at most.
func (f *FirstToken) rotate(overlap time.Duration) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	until := now.Add(overlap)
	old := []OldToken{{sha256.Sum256([]byte(f.token)), until}}
	for _, o := range f.old {
		if o.Until.After(until) {
			o.Until = until
		}
		old = append(old, o)
	}
	old = slices.DeleteFunc(old, func(o OldToken) bool { return !now.Before(o.Until) })
	token := rand.Text()
	if err := f.Save(token, old); err != nil {
		return "", err
	}
	f.token, f.old = token, old
	return token, nil
}

// Rotation is how the token of the file admin-token is replaced, and the new one.
// Overlap is how long the old one is still good, in seconds.
type Rotation struct {
	Overlap int64  `json:"overlap"`
	Token   string `json:"token,omitempty"`
}

// The longest time that an old token is good, and that which holds where none is
// given, in seconds.
const (
	maxOverlap     = 7 * 24 * 60 * 60
	defaultOverlap = 5 * 60
)

func (s *Server) rotateFirstToken(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	rotation := Rotation{Overlap: defaultOverlap}
	if err := readChange(w, r, &rotation); err != nil {
		return nil, err
	}
	switch {
	case rotation.Overlap < 0 || rotation.Overlap > maxOverlap:
		return nil, cloud.RefusedMember("overlap", fmt.Sprintf("overlap must be from 0 to %d seconds", maxOverlap))
	case rotation.Token != "":
		return nil, cloud.RefusedMember("token", "the server makes the token")
	case s.first.Save == nil:
		return nil, cloud.Refused(cloud.Conflict,
			"this server was given its token by --admin-token or OPENTCB_ADMIN_TOKEN: change that, and start it again")
	}
	overlap := time.Duration(rotation.Overlap) * time.Second
	if err := s.cloud.RecordRotation(r.Context(), c, overlap); err != nil {
		return nil, err
	}
	var err error
	rotation.Token, err = s.first.rotate(overlap)
	return rotation, err
}

// RotateAdminToken replaces the token of the file admin-token in the server's data
// folder. The old one is good for overlap.
func (c *Client) RotateAdminToken(ctx context.Context, overlap time.Duration) (Rotation, error) {
	wanted := Rotation{Overlap: int64(overlap.Seconds())}
	return ask[Rotation](ctx, c, "POST", adminTokensPath+"/"+cloud.FirstAdmin+"/rotation", wanted)
}
