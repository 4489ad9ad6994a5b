package server

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"time"
)

// newRID returns the id of a request that came at that time, by the machine's clock.
func (s *Server) newRID(at time.Time) string {
	if s.clock != nil {
		at = s.clock()
	}
	if s.random != nil {
		var bits [8]byte
		_, _ = io.ReadFull(s.random, bits[:]) // which does not fail
		return newRID(at, binary.BigEndian.Uint64(bits[:]))
	}
	return newRID(at, rand.Uint64())
}

// newRID returns the id of a request that came at that time: the time in
// seconds, and 64 random bits of a generator that is seeded by the system and
// cannot be predicted. So an id is unique (EN-4), on every server, and two of
// them do not tell how many calls came between.
func newRID(at time.Time, bits uint64) string {
	var raw [12]byte
	binary.BigEndian.PutUint32(raw[:4], uint32(at.Unix()))
	binary.BigEndian.PutUint64(raw[4:], bits)
	var out [26]byte
	hex.Encode(out[:8], raw[:4])
	out[8] = '-'
	hex.Encode(out[9:17], raw[4:8])
	out[17] = '-'
	hex.Encode(out[18:], raw[8:])
	return string(out[:])
}
