package blobtest

import (
	"errors"

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

func alteredWhileOpen(e exam) {
	for i, damage := range damages {
		b := e.open(e.put(damaged(i)))
		defer b.Close()
		if err := b.Intact(); err != nil {
			e.Errorf("Intact before %s: %v", damage.name, err)
		}
		e.Alter(e.T, e.store, sumOf(damaged(i)), damage.change)
		for range 2 {
			if err := b.Intact(); !errors.Is(err, blob.ErrCorrupt) {
				e.Errorf("Intact after %s: %v, want %v", damage.name, err, blob.ErrCorrupt)
			}
		}
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
