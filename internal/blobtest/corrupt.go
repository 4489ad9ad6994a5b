package blobtest

import (
	"bytes"
	"errors"
	"io"

	"github.com/opentcb/opentcb/internal/blob"
)

// damages are ways in which stored bytes go wrong.
var damages = []struct {
	name   string
	change func([]byte) []byte
}{
	{"first bit", func(p []byte) []byte { p[0] ^= 1; return p }},
	{"last bit", func(p []byte) []byte { p[len(p)-1] ^= 0x80; return p }},
	{"truncated", func(p []byte) []byte { return p[:len(p)-1] }},
	{"emptied", func(p []byte) []byte { return nil }},
	{"extended", func(p []byte) []byte { return append(p, 0) }},
	{"swapped", func(p []byte) []byte { p[0], p[1] = p[1], p[0]; return p }},
}

// damaged is data whose first two bytes differ, so that every damage is one.
func damaged(seed int) []byte { return append([]byte("ab"), bytesOf(uint64(seed), 300_000)...) }

func alteredBeforeOpen(e exam) {
	for i, damage := range damages {
		sum := e.put(damaged(i))
		e.Alter(e.T, e.store, sum, damage.change)
		e.Log(damage.name)
		e.refuse(e.Context(), sum, blob.ErrCorrupt)
	}
	e.store = e.Reopen(e.T, e.store)
	for i := range damages {
		e.refuse(e.Context(), sumOf(damaged(i)), blob.ErrCorrupt)
	}
}

// alteredBetweenOpens alters at once after an Open that found the blob sound,
// many times, since stores that trust timestamps miss this now and then.
func alteredBetweenOpens(e exam) {
	for i := range 60 {
		sum := e.put(damaged(i)[:2000])
		e.open(sum).Close()
		e.Alter(e.T, e.store, sum, damages[i%len(damages)].change)
		e.refuse(e.Context(), sum, blob.ErrCorrupt)
		e.refuse(e.Context(), sum, blob.ErrCorrupt)
	}
}

// alteredWhileOpen wants altered bytes to be reported by Intact, or not to be
// read: a store may read from a copy that it verified. Every store refuses to
// open the blob again.
func alteredWhileOpen(e exam) {
	for i, damage := range damages {
		b := e.open(e.put(damaged(i)))
		defer b.Close()
		if err := b.Intact(); err != nil {
			e.Errorf("Intact before %s: %v", damage.name, err)
		}
		e.Alter(e.T, e.store, sumOf(damaged(i)), damage.change)
		for range 2 {
			e.notDeceived(b, damaged(i), damage.name)
		}
		e.refuse(e.Context(), sumOf(damaged(i)), blob.ErrCorrupt)
	}
}

// notDeceived wants Intact to say that b is corrupt, or b to read as data.
func (e exam) notDeceived(b blob.Blob, data []byte, damage string) {
	e.Helper()
	err := b.Intact()
	if errors.Is(err, blob.ErrCorrupt) {
		return
	}
	if _, err := b.Seek(0, io.SeekStart); err != nil {
		e.Error(err)
	}
	got, errOfRead := io.ReadAll(b)
	if err != nil || errOfRead != nil || !bytes.Equal(got, data) {
		e.Errorf("after %s: Intact returns %v (want nothing or %v), the bytes are the right ones: %v, %v",
			damage, err, blob.ErrCorrupt, bytes.Equal(got, data), errOfRead)
	}
}

func repair(e exam) {
	for i, damage := range damages {
		sum := e.put(damaged(i))
		e.Alter(e.T, e.store, sum, damage.change)
		e.refuse(e.Context(), sum, blob.ErrCorrupt)
		e.put(damaged(i))
		e.expect(damaged(i))
		e.noDrafts()
	}
}
