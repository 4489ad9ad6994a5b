package codezip

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
)

// extent is where an entry is: its local header and its data.
type extent struct{ start, end int64 }

// contents reads entries, with the same buffers for all of them.
type contents struct {
	d       *directory
	local   []byte // a local header and its name
	packed  *bufio.Reader
	inflate io.Reader // from packed; a flate.Resetter
	buf     []byte
	extents []extent
	pause   func()
	busy    int // bytes unpacked since the last pause
}

const contradiction = "its header and the directory contradict each other"

// checkContents reads every entry, and refuses those that share bytes.
func (d *directory) checkContents(pause func()) error {
	packed := bufio.NewReaderSize(nil, 32<<10)
	c := &contents{
		d: d, packed: packed, inflate: flate.NewReader(packed),
		local: make([]byte, localBytes+2<<16), buf: make([]byte, 32<<10),
		pause:   pause,
		extents: make([]extent, 0, d.records+1),
	}
	if err := d.walk(c.check); err != nil {
		return err
	}
	slices.SortFunc(c.extents, func(a, b extent) int { return cmp.Compare(a.start, b.start) })
	before := int64(0)
	for _, e := range append(c.extents, extent{d.start, d.start}) {
		if e.start < before {
			return refuse("its entries overlap")
		}
		if e.start-before >= localBytes { // room for an entry that the directory does not list
			return refuse("it has bytes between its entries that belong to none")
		}
		before = e.end
	}
	return nil
}

func (c *contents) check(rec *record) error {
	start, reason, err := c.checkLocal(rec)
	if err != nil {
		return err
	}
	end := start + rec.packed
	if reason == "" && end > c.d.start {
		reason = "its data is outside of the file"
	}
	// The data of a folder is not looked at: some writers leave an empty deflate
	// stream there.
	if reason == "" && !bytes.HasSuffix(rec.name, []byte("/")) {
		reason = c.checkData(rec, start, end)
		if reason == "" && rec.flags&flagDescriptor != 0 {
			end, reason, err = c.checkDescriptor(rec, end)
		}
	}
	if err != nil {
		return err
	}
	if reason != "" {
		return refuse("entry %s: %s", shown(rec.name), reason)
	}
	c.extents = append(c.extents, extent{rec.local, end})
	return nil
}

// checkLocal compares the local header with the directory: some unpackers go by
// the one and some by the other, and both must find the same. It returns where
// the data begins.
func (c *contents) checkLocal(rec *record) (data int64, reason string, err error) {
	b := c.local[:localBytes+len(rec.name)] // within the zip, by record.check
	if _, err := c.d.s.ReadAt(b, rec.local); err != nil {
		return 0, "", err
	}
	u16 := func(i int) int { return int(binary.LittleEndian.Uint16(b[i:])) }
	if string(b[:4]) != localSignature || u16(26) != len(rec.name) || !bytes.Equal(b[localBytes:], rec.name) ||
		u16(8) != int(rec.method) || u16(6)&flagEncrypted != 0 || !c.sameSizes(rec, b) {
		return 0, contradiction, nil
	}
	data = rec.local + int64(len(b)) + int64(u16(28))
	if data > c.d.start {
		return 0, "its data is outside of the file", nil
	}
	extra := c.local[len(b) : len(b)+u16(28)]
	if _, err := c.d.s.ReadAt(extra, rec.local+int64(len(b))); err != nil {
		return 0, "", err
	}
	return data, otherName(rec.name, extra), nil
}

// sameSizes compares the sizes and the checksum of a local header, if it has
// them. They may follow the data, and the sizes may be in a zip64 field, where a
// writer puts them that does not know them in advance.
func (c *contents) sameSizes(rec *record, b []byte) bool {
	u32 := func(i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
	if binary.LittleEndian.Uint16(b[6:])&flagDescriptor != 0 {
		return true
	}
	return u32(14) == rec.crc &&
		(u32(18) == zip64Size || int64(u32(18)) == rec.packed) &&
		(u32(22) == zip64Size || int64(u32(22)) == rec.unpacked)
}

// checkData unpacks an entry's data, no further than its declared size, and
// returns what is wrong with it.
func (c *contents) checkData(rec *record, start, end int64) (reason string) {
	c.packed.Reset(c.d.s.section(start, end))
	var r io.Reader = c.packed
	if rec.method == methodDeflate {
		if err := c.inflate.(flate.Resetter).Reset(c.packed, nil); err != nil {
			return "its data is damaged"
		}
		r = c.inflate
	}
	var size int64
	var sum uint32
	for {
		n, err := r.Read(c.buf)
		c.rest(n)
		size += int64(n)
		sum = crc32.Update(sum, crc32.IEEETable, c.buf[:n])
		switch {
		case size > rec.unpacked:
			return "it unpacks to more than its declared size"
		case err == io.EOF && size < rec.unpacked:
			return "it unpacks to less than its declared size"
		case err == io.EOF && sum != rec.crc:
			return "its checksum does not fit"
		case err == io.EOF:
			return ""
		case err != nil:
			return "its data is damaged"
		}
	}
}

// rest counts what was unpacked, and pauses when it is time to.
func (c *contents) rest(n int) {
	if c.busy += n; c.busy >= PauseAfter && c.pause != nil {
		c.busy = 0
		c.pause()
	}
}

// checkDescriptor compares the checksum that follows an entry's data, with or
// without a signature before it. It returns where the entry ends at the
// earliest: the two sizes after the checksum have 4 bytes each, or 8.
func (c *contents) checkDescriptor(rec *record, at int64) (end int64, reason string, err error) {
	var b [16]byte
	found := b[:min(int64(len(b)), c.d.start-at)]
	if _, err := c.d.s.ReadAt(found, at); err != nil {
		return 0, "", err
	}
	rest := bytes.TrimPrefix(found, []byte(descriptorSignature))
	if len(rest) < 12 || binary.LittleEndian.Uint32(rest) != rec.crc {
		return 0, contradiction, nil
	}
	return at + int64(len(found)-len(rest)) + 12, "", nil
}
