package codezip

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Sizes of the fixed parts of the records of a zip (APPNOTE.TXT, 4.3).
const (
	endBytes     = 22
	recordBytes  = 46
	localBytes   = 30
	locatorBytes = 20 // of zip64
	maxComment   = 1<<16 - 1
)

// Signatures of the records of a zip.
const (
	endSignature        = "PK\x05\x06"
	recordSignature     = "PK\x01\x02"
	localSignature      = "PK\x03\x04"
	locatorSignature    = "PK\x06\x07"
	descriptorSignature = "PK\x07\x08"
)

// Values that refer to the zip64 record, which nothing within the limits needs.
const (
	zip64Count = 1<<16 - 1
	zip64Size  = 1<<32 - 1
)

// directory is where a zip's central directory is. It ends where the end record
// begins, so that there is only one way to find it.
type directory struct {
	texts      []byte // room for a record's name and extra field
	s          *source
	start, end int64
	records    int // by the end record
}

// findDirectory finds the end record. Only the comment may follow it, and
// nothing may be between the directory and it.
func findDirectory(s *source) (*directory, error) {
	tail := make([]byte, max(0, min(s.size, endBytes+maxComment)))
	if _, err := s.ReadAt(tail, s.size-int64(len(tail))); err != nil {
		return nil, err
	}
	at := bytes.LastIndex(tail, []byte(endSignature))
	if at < 0 {
		return nil, refuse("not a zip")
	}
	if len(tail)-at < endBytes {
		return nil, refuse("its end is cut off")
	}
	b := tail[at:]
	u16 := func(i int) int { return int(binary.LittleEndian.Uint16(b[i:])) }
	u32 := func(i int) int64 { return int64(binary.LittleEndian.Uint32(b[i:])) }
	end := s.size - int64(len(b))
	d := &directory{s: s, start: u32(16), end: end, records: u16(10)}
	switch {
	case u16(10) == zip64Count || u32(12) == zip64Size || u32(16) == zip64Size:
		return nil, refuse("zip64 is not supported")
	case len(b) > endBytes+u16(20):
		return nil, refuse("%d bytes follow its end", len(b)-endBytes-u16(20))
	case len(b) < endBytes+u16(20):
		return nil, refuse("its comment does not end where the file ends")
	case u16(4) != 0 || u16(6) != 0 || u16(8) != u16(10):
		return nil, refuse("it is part of a split zip")
	}
	if err := d.checkNoLocator(); err != nil {
		return nil, err
	}
	if d.start+u32(12) != end {
		return nil, refuse("its directory is not where it says")
	}
	return d, nil
}

// checkNoLocator refuses a zip64 locator before the end record: most readers look
// for one there, and it would lead them to another directory.
func (d *directory) checkNoLocator() error {
	if d.end < locatorBytes {
		return nil
	}
	var b [4]byte
	if _, err := d.s.ReadAt(b[:], d.end-locatorBytes); err != nil {
		return err
	}
	if string(b[:]) == locatorSignature {
		return refuse("zip64 is not supported")
	}
	return nil
}

// walk calls visit with each record, and ends at the first error.
func (d *directory) walk(visit func(*record) error) error {
	r := bufio.NewReaderSize(d.s.section(d.start, d.end), 32<<10)
	if d.texts == nil {
		d.texts = make([]byte, 2<<16)
	}
	name, extra := d.texts[:1<<16], d.texts[1<<16:]
	for {
		var rec record
		switch err := readRecord(r, name, extra, &rec); {
		case err == io.EOF:
			return nil
		case err != nil:
			return refuse("its directory is damaged")
		}
		if err := visit(&rec); err != nil {
			return err
		}
	}
}

var errSignature = errors.New("no record where one should be")

// readRecord reads the next record, with its name and extra field in the
// buffers. The error is io.EOF after the last record.
func readRecord(r *bufio.Reader, name, extra []byte, rec *record) error {
	b, err := r.Peek(recordBytes)
	if err != nil {
		if len(b) > 0 {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	if string(b[:4]) != recordSignature {
		return errSignature
	}
	u16 := func(i int) int { return int(binary.LittleEndian.Uint16(b[i:])) }
	u32 := func(i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
	*rec = record{
		name: name[:u16(28)], extra: extra[:u16(30)], flags: uint16(u16(8)), method: uint16(u16(10)),
		crc: u32(16), packed: int64(u32(20)), unpacked: int64(u32(24)),
		attrs: u32(38), local: int64(u32(42)), disk: u16(34), skip: u16(32),
	}
	if _, err := r.Discard(recordBytes); err != nil {
		return err
	}
	if _, err := io.ReadFull(r, rec.name); err != nil {
		return io.ErrUnexpectedEOF
	}
	if _, err := io.ReadFull(r, rec.extra); err != nil {
		return io.ErrUnexpectedEOF
	}
	if _, err := r.Discard(rec.skip); err != nil {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// checkRecords checks each record for itself, and counts and sums them before
// anything of them is kept.
func (d *directory) checkRecords(limits Limits) error {
	var records, files int
	var packed, unpacked int64
	err := d.walk(func(rec *record) error {
		if records++; records > limits.Entries {
			return refuse("it has over %d entries", limits.Entries)
		}
		if err := rec.check(d); err != nil {
			return err
		}
		if unpacked += rec.unpacked; unpacked > limits.UnpackedBytes {
			return refuse("it unpacks to over %d bytes", limits.UnpackedBytes)
		}
		// Data that entries share would be read for each of them.
		if packed += rec.packed; packed > d.start {
			return refuse("its entries overlap")
		}
		if !rec.isFolder() {
			files++
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case records != d.records:
		return refuse("its directory has not as many entries as it says")
	case files == 0:
		return refuse("it has no file")
	case limits.Ratio > 0 && unpacked > RatioFree+limits.Ratio*d.s.size:
		return refuse("it unpacks to over %d times its size", limits.Ratio)
	}
	return nil
}

// record is what the directory has about an entry.
type record struct {
	name     []byte // good until the next record is read
	extra    []byte // likewise
	flags    uint16
	method   uint16
	crc      uint32
	packed   int64 // bytes
	unpacked int64 // bytes
	attrs    uint32
	local    int64 // where the local header is
	disk     int
	skip     int // bytes of comment
}

// Flags of an entry.
const (
	flagEncrypted  = 1<<0 | 1<<6 | 1<<13 // by any of the schemes
	flagDescriptor = 1 << 3              // size and checksum follow the data
	flagPatch      = 1 << 5              // the data is a difference
)

// Methods of packing.
const (
	methodStore   = 0
	methodDeflate = 8
)

// isFolder reports whether the name is a folder's, which is what unpackers go
// by. check refuses attributes that disagree.
func (rec *record) isFolder() bool {
	last := len(rec.name) - 1
	return last >= 0 && (rec.name[last] == '/' || rec.name[last] == '\\')
}

func (rec *record) check(d *directory) error {
	if reason := nameFault(rec.name); reason != "" {
		return refuse("entry %s: %s", shown(rec.name), reason)
	}
	folder := rec.isFolder()
	reason := otherName(rec.name, rec.extra)
	switch {
	case reason != "":
	case rec.disk != 0:
		reason = "it is in another part of a split zip"
	case rec.packed == zip64Size || rec.unpacked == zip64Size || rec.local == zip64Size:
		reason = "zip64 is not supported"
	case rec.flags&flagEncrypted != 0:
		reason = "it is encrypted"
	case rec.flags&flagPatch != 0 || rec.method != methodStore && rec.method != methodDeflate:
		reason = "it is packed neither by store nor by deflate"
	case !rec.fileOrFolder():
		reason = "it is a link or device" // UP-7
	case rec.saysFolder() && !folder:
		reason = "it is a folder whose name has no slash at its end"
	case folder && rec.unpacked != 0:
		reason = "it is a folder with content"
	case !folder && rec.method == methodStore && rec.packed != rec.unpacked:
		reason = "its sizes contradict each other"
	case rec.local+localBytes+int64(len(rec.name))+rec.packed > d.start:
		reason = "its data is outside of the file"
	default:
		return nil
	}
	return refuse("entry %s: %s", shown(rec.name), reason)
}

// unixType returns the file type of Unix attributes, 0 for none. The system that
// the record names does not count, since some unpackers ignore it.
func (rec *record) unixType() uint32 { return rec.attrs >> 28 }

// File types of Unix attributes.
const (
	unixFolder = 4
	unixFile   = 8
)

func (rec *record) fileOrFolder() bool {
	t := rec.unixType()
	return t == 0 || t == unixFile || t == unixFolder
}

// saysFolder reports whether the attributes of MS-DOS or those of Unix make the
// entry a folder.
func (rec *record) saysFolder() bool {
	const dosFolder = 1 << 4
	return rec.attrs&dosFolder != 0 || rec.unixType() == unixFolder
}
