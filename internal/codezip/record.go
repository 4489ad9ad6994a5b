package codezip

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
