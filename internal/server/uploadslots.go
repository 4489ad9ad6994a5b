package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// uploadSlots are the places for uploads: so many in all, a quarter of them for
// one platform, and one for each signature, so that no platform can keep the
// others from uploading.
type uploadSlots struct {
	most int

	mu         sync.Mutex
	taken      int
	platforms  map[string]int
	signatures map[string]bool // by the token of each upload under way
}

func newUploadSlots(most int) *uploadSlots {
	return &uploadSlots{most: most, platforms: map[string]int{}, signatures: map[string]bool{}}
}

// take takes a place for an upload, to be given back with give. The error is
// TooManyUploads if there is none.
func (u *uploadSlots) take(platform, token string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.signatures[token]:
		return cloud.Refused(cloud.TooManyUploads, "an upload with this signature is under way: try again")
	case u.platforms[platform] >= max(1, u.most/4):
		return cloud.Refused(cloud.TooManyUploads, "too many uploads of one platform at once: try again")
	case u.taken >= u.most:
		return cloud.Refused(cloud.TooManyUploads, "too many uploads at once: try again")
	}
	u.taken++
	u.platforms[platform]++
	u.signatures[token] = true
	return nil
}

// Uploads returns how many uploads are under way, and how many there may be.
func (s *Server) Uploads() (underWay, most int) {
	s.uploads.mu.Lock()
	defer s.uploads.mu.Unlock()
	return s.uploads.taken, s.uploads.most
}

func (u *uploadSlots) give(platform, token string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.taken--
	delete(u.signatures, token)
	if u.platforms[platform]--; u.platforms[platform] == 0 {
		delete(u.platforms, platform)
	}
}

// letGoTime is how long the sender of an upload that is refused may go on
// sending, so that it gets to reading the answer.
const letGoTime = 5 * time.Second

// uploadStream reads the body of an upload. Its sender may keep it waiting for
// the grace and, for what has come, as long as that takes at the least rate. How
// long the server itself takes does not count.
type uploadStream struct {
	body   io.Reader
	conn   *http.ResponseController
	grace  time.Duration
	rate   float64 // bytes a second
	until  time.Time
	waited time.Duration
	come   int64
}

// errTooSlow is the refusal of an upload below the least rate.
var errTooSlow = cloud.Refused(cloud.LimitReached, "the upload comes too slowly")

// Read reads on. The error is errTooSlow once the sender was too slow.
func (u *uploadStream) Read(p []byte) (int, error) {
	begin := time.Now()
	patience := u.grace + time.Duration(float64(u.come)/u.rate*float64(time.Second)) - u.waited
	deadline := begin.Add(patience)
	if u.until.Before(deadline) {
		deadline = u.until
	}
	_ = u.conn.SetReadDeadline(deadline)
	n, err := u.body.Read(p)
	u.waited += time.Since(begin)
	u.come += int64(n)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errTooSlow
	}
	return n, err
}

// letGo takes in what is left, for a while.
func (u *uploadStream) letGo() {
	_ = u.conn.SetReadDeadline(time.Now().Add(letGoTime))
	_ = drain(u.body)
}
