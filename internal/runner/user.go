package runner

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// User is whom functions run as. The zero User is whom the runner runs as.
type User struct {
	UID, GID uint32
	Other    bool // another than the runner's own
}

// ErrRoot is what the runner is refused for as root: functions would be root too.
var ErrRoot = errors.New("functions would run as root: name another user for them with --user")

// LookUpUser returns whom functions are to run as, by name or number; "" is whom the
// runner runs as. It is ErrRoot if that is root, and an error if the runner cannot start
// processes of another user.
func LookUpUser(name string) (User, error) {
	own := os.Geteuid()
	if name == "" {
		if own == 0 {
			return User{}, ErrRoot
		}
		return User{}, nil
	}
	u, err := user.Lookup(name)
	if _, notNumber := strconv.Atoi(name); err != nil && notNumber == nil {
		if u, err = user.LookupId(name); err != nil {
			u, err = &user.User{Uid: name, Gid: name}, nil // a number needs no name
		}
	}
	if err != nil {
		return User{}, fmt.Errorf("--user: %w", err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	switch {
	case uidErr != nil || gidErr != nil:
		return User{}, errors.New("--user: on this system users have no numbers")
	case uid == 0:
		return User{}, ErrRoot
	case int(uid) == own:
		return User{}, nil
	case own != 0:
		return User{}, fmt.Errorf("--user %s: only root can start processes of another user", name)
	}
	return User{UID: uint32(uid), GID: uint32(gid), Other: true}, nil
}

// own gives a file or folder of the runner's to the user.
func (u User) own(path string) error {
	if !u.Other {
		return nil
	}
	return os.Chown(path, int(u.UID), int(u.GID))
}

// show lets the user read a folder of the runner's, and nobody else.
func (u User) show(path string) error {
	if !u.Other {
		return os.Chmod(path, 0o700)
	}
	return errors.Join(os.Chown(path, -1, int(u.GID)), os.Chmod(path, 0o750))
}
