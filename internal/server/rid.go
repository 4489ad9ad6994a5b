package server

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
	"time"
)

// ridMaker makes request ids: the time in seconds, a number drawn at start,
// and a count, mixed so that it does not show how busy the server is. No two
// are alike within one process (EN-4).
type ridMaker struct {
	process [4]byte
	mask    uint32
	count   atomic.Uint32
}

func newRIDMaker() *ridMaker {
	m := &ridMaker{}
	var seed [8]byte
	rand.Read(seed[:])
	copy(m.process[:], seed[:4])
	m.mask = binary.BigEndian.Uint32(seed[4:])
	return m
}

// next returns the id of a request that came at that time.
func (m *ridMaker) next(at time.Time) string {
	var raw [12]byte
	binary.BigEndian.PutUint32(raw[:4], uint32(at.Unix()))
	copy(raw[4:8], m.process[:])
	// An odd factor maps the 2^32 counts onto 2^32 numbers, one to one.
	binary.BigEndian.PutUint32(raw[8:], m.count.Add(1)*0x9E3779B1^m.mask)
	var out [26]byte
	hex.Encode(out[:8], raw[:4])
	out[8] = '-'
	hex.Encode(out[9:17], raw[4:8])
	out[17] = '-'
	hex.Encode(out[18:], raw[8:])
	return string(out[:])
}
