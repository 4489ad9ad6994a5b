package node

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
)

// oldTokenFile has a line for each admin token that was replaced and is still
// good: its hash, and until when, in Unix milliseconds.
const oldTokenFile = AdminTokenFile + ".old"

// firstToken returns the first admin's token: the given one, or else that of a
// file in the folder, which is made at first start for the commands to read. A
// given one is written nowhere.
func (d *dataDir) firstToken(given string, now func() time.Time) (*admin.FirstToken, error) {
	if given != "" {
		return admin.NewFirstToken(given, nil), nil
	}
	token, err := d.adminToken()
	if err != nil {
		return nil, err
	}
	old, err := d.oldTokens()
	if err != nil {
		return nil, err
	}
	first := admin.NewFirstToken(token, old)
	first.Now, first.Save = now, d.saveAdminToken
	return first, nil
}

// adminToken reads the token of the folder, or makes it.
func (d *dataDir) adminToken() (string, error) {
	stored, err := d.readSecret(AdminTokenFile)
	switch token := strings.TrimSpace(string(stored)); {
	case err == nil && token != "" && len(token) < minAdminToken:
		return "", fmt.Errorf("%s must have at least %d characters", d.file(AdminTokenFile), minAdminToken)
	case err == nil && token != "":
		return token, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("admin token: %w", err)
	}
	token := rand.Text()
	return token, d.saveAdminToken(token, nil)
}

// saveAdminToken writes the old tokens before the new one: after a kill between
// the two, the token that was to be replaced is good as before.
func (d *dataDir) saveAdminToken(token string, old []admin.OldToken) error {
	var lines strings.Builder
	for _, o := range old {
		fmt.Fprintf(&lines, "%x %d\n", o.Sum, o.Until.UnixMilli())
	}
	if lines.Len() > 0 || d.has(oldTokenFile) {
		if err := d.writeSecret(oldTokenFile, []byte(lines.String())); err != nil {
			return fmt.Errorf("admin token: %w", err)
		}
	}
	if err := d.writeSecret(AdminTokenFile, []byte(token+"\n")); err != nil {
		return fmt.Errorf("admin token: %w", err)
	}
	return nil
}

// oldTokens reads the tokens that were replaced.
func (d *dataDir) oldTokens() (old []admin.OldToken, err error) {
	text, err := d.readSecret(oldTokenFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("admin token: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		sum, until, _ := strings.Cut(strings.TrimSpace(line), " ")
		var o admin.OldToken
		raw, err := hex.DecodeString(sum)
		ms, err2 := strconv.ParseInt(until, 10, 64)
		if err != nil || err2 != nil || copy(o.Sum[:], raw) != len(o.Sum) {
			return nil, fmt.Errorf("%s is damaged: remove it, and old admin tokens are good no more", d.file(oldTokenFile))
		}
		o.Until = time.UnixMilli(ms)
		old = append(old, o)
	}
	return old, nil
}
