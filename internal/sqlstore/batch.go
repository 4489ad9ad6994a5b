package sqlstore

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// A busy server records as many decisions as it answers calls, and records stay
// for ever. So a batch is packed: a record takes a third of a microsecond and 40
// to 60 bytes. As JSON it would take a microsecond and 130 bytes.
//
//	batch   version byte, varint time of the first record, records
//	record  flags, varint milliseconds since the first, rid, varint code,
//	        platform (text), appid (inline), action (text), target (inline),
//	        detail (text)
//	rid     12 bytes if it has the form of ours, else a text
//	inline  varint length, bytes
//	detail  what changed, and after a NUL the token that did it, so that servers of
//	        before read it too
//	text    varint n: 0 a new text, which follows inline; else the n-th text
//	        of the batch

const batchVersion = 1

// The flags of a record.
const (
	flagOperator  = 1 << iota // done by the operator
	flagPackedRID             // the rid is packed
	flagsKnown    = 1<<iota - 1
)

// errBatch is the error for a stored batch that encodeBatch did not write.
var errBatch = errors.New("audit batch is damaged")

// encodeBatch packs records. They are in the order of time, and there is at
// least one.
func encodeBatch(recs []cloud.Record) []byte {
	e := batchEncoder{b: make([]byte, 0, 64*len(recs)), known: make(map[string]uint64, 64)}
	e.b = append(e.b, batchVersion)
	e.b = binary.AppendVarint(e.b, recs[0].At)
	for i := range recs {
		e.record(&recs[i], recs[0].At)
	}
	return e.b
}

type batchEncoder struct {
	b     []byte
	known map[string]uint64 // number of each text, from 1
}

func (e *batchEncoder) record(r *cloud.Record, first int64) {
	rid, packed := packRID(r.RID)
	var flags byte
	if r.Operator {
		flags |= flagOperator
	}
	if packed {
		flags |= flagPackedRID
	}
	e.b = append(e.b, flags)
	e.b = binary.AppendUvarint(e.b, uint64(r.At-first))
	if packed {
		e.b = append(e.b, rid[:]...)
	} else {
		e.text(r.RID)
	}
	e.b = binary.AppendVarint(e.b, int64(r.Code))
	e.text(r.Platform)
	e.inline(r.AppID)
	e.text(r.Action)
	e.inline(r.Target)
	detail := r.Detail
	if r.By != "" {
		detail += "\x00" + r.By
	}
	e.text(detail)
}

// inline appends a text that is seldom there twice: to look it up would cost
// more than it saves.
func (e *batchEncoder) inline(s string) {
	e.b = binary.AppendUvarint(e.b, uint64(len(s)))
	e.b = append(e.b, s...)
}

// text appends a text, or the number of one that was there before.
func (e *batchEncoder) text(s string) {
	if n, ok := e.known[s]; ok {
		e.b = binary.AppendUvarint(e.b, n)
		return
	}
	e.known[s] = uint64(len(e.known)) + 1
	e.b = append(e.b, 0)
	e.inline(s)
}

// packRID packs a rid of ours: three groups of 8 hex characters, joined by
// hyphens. It reports whether this is one.
func packRID(s string) (packed [12]byte, ok bool) {
	if len(s) != 26 || s[8] != '-' || s[17] != '-' || strings.ContainsAny(s, "ABCDEF") {
		return packed, false
	}
	for i := range 3 {
		if _, err := hex.Decode(packed[4*i:4*i+4], []byte(s[9*i:9*i+8])); err != nil {
			return packed, false
		}
	}
	return packed, true
}

func unpackRID(p []byte) string {
	return hex.EncodeToString(p[:4]) + "-" + hex.EncodeToString(p[4:8]) + "-" + hex.EncodeToString(p[8:12])
}

// decodeBatch calls each with every record of a batch. If the batch is damaged,
// that may be some, and then the error.
func decodeBatch(b []byte, each func(cloud.Record)) error {
	d := batchDecoder{b: b}
	if d.byte() != batchVersion {
		return errBatch
	}
	first := d.varint()
	for len(d.b) > 0 && !d.bad {
		r := d.record(first)
		if !d.bad {
			each(r)
		}
	}
	if d.bad {
		return errBatch
	}
	return nil
}

// batchDecoder reads a batch. Once something in it is invalid, it is bad and
// returns zero values.
type batchDecoder struct {
	b     []byte
	texts []string
	bad   bool
}

func (d *batchDecoder) record(first int64) cloud.Record {
	flags := d.byte()
	if flags > flagsKnown {
		d.bad = true
	}
	r := cloud.Record{Operator: flags&flagOperator != 0, At: first + int64(d.uvarint())}
	if flags&flagPackedRID != 0 {
		if rid := d.take(12); rid != nil {
			r.RID = unpackRID(rid)
		}
	} else {
		r.RID = d.text()
	}
	r.Code = tcb.Code(d.varint())
	r.Platform, r.AppID, r.Action, r.Target, r.Detail = d.text(), d.inline(), d.text(), d.inline(), d.text()
	if i := strings.LastIndexByte(r.Detail, 0); i >= 0 {
		r.Detail, r.By = r.Detail[:i], r.Detail[i+1:]
	}
	return r
}

func (d *batchDecoder) inline() string { return string(d.take(d.uvarint())) }

func (d *batchDecoder) byte() byte {
	if p := d.take(1); p != nil {
		return p[0]
	}
	return 0
}

// take returns the next n bytes, nil if they are not there.
func (d *batchDecoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}

func (d *batchDecoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *batchDecoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *batchDecoder) text() string {
	n := d.uvarint()
	if n == 0 {
		s := d.inline()
		d.texts = append(d.texts, s)
		return s
	}
	if n > uint64(len(d.texts)) {
		d.bad = true
		return ""
	}
	return d.texts[n-1]
}
