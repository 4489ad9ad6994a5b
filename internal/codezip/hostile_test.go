package codezip

import (
	"hash/crc32"
	"strings"
	"testing"
)

// UP-7: each is refused, and for its own reason.
func TestCheckRefuses(t *testing.T) {
	good := func() []byte { return makeZip(entry{name: "a", body: "content"}, entry{name: "b", body: "x"}) }
	named := func(names ...string) []byte {
		var list []entry
		for _, name := range names {
			list = append(list, entry{name: name})
		}
		return makeZip(append(list, entry{name: "file", body: "x"})...)
	}
	one := func(e entry) []byte {
		if e.name == "" {
			e.name = "a"
		}
		return makeZip(entry{name: "file", body: "x"}, e)
	}
	ofType := func(t uint32) []byte { return one(entry{body: "/etc/passwd", attrs: t<<28 | 0o777<<16}) }
	for _, c := range []struct {
		name   string
		zip    []byte
		reason string
	}{
		// The end record, and that there is one reading of the zip.
		{"nothing", nil, "not a zip"},
		{"text", []byte("PK\x03\x04 is how a zip begins"), "not a zip"},
		{"cut off", good()[:100], "not a zip"},
		{"cut in the end record", good()[:len(good())-1], "cut off"},
		{"byte behind", append(good(), 0), "1 bytes follow its end"},
		{"padded", append(good(), make([]byte, 9000)...), "9000 bytes follow its end"},
		{"zip64 records before the end", insert(good(), endBytes, locatorSignature+string(make([]byte, locatorBytes-4))), "zip64 is not supported"},
		{"end record in the comment", append(patchEnd(good(), put16(20, endBytes)), endRecord(0, 0, 0)...), "not where it says"},
		{"signature in the comment", append(patchEnd(good(), put16(20, 4)), endSignature...), "cut off"},
		{"comment too long", patchEnd(good(), put16(20, 1)), "comment does not end"},
		{"bytes before", append([]byte("#!/bin/sh\n"), good()...), "not where it says"},
		{"bytes between", patchEnd(insert(good(), endBytes, "between"), put16(0, 0x4b50)), "not where it says"},
		{"size of directory", patchEnd(good(), put32(12, 46)), "not where it says"},
		{"start of directory", patchEnd(good(), put32(16, 0)), "not where it says"},
		{"no entry", endRecord(0, 0, 0), "no file"},
		{"part of a split zip", patchEnd(good(), put16(4, 1)), "split"},
		{"directory on another disk", patchEnd(good(), put16(6, 1)), "split"},
		{"counts differ", patchEnd(good(), put16(8, 1)), "split"},
		{"zip64 count", patchEnd(good(), put16(8, zip64Count), put16(10, zip64Count)), "zip64"},
		{"zip64 size", patchEnd(good(), put32(12, zip64Size)), "zip64"},
		{"zip64 start", patchEnd(good(), put32(16, zip64Size)), "zip64"},
		{"zip64 locator", withLocator(), "zip64"},

		// The directory.
		{"fewer than it says", patchEnd(good(), put16(8, 3), put16(10, 3)), "not as many"},
		{"more than it says", patchEnd(good(), put16(8, 1), put16(10, 1)), "not as many"},
		{"record without signature", one(entry{record: put16(0, 0)}), "directory is damaged"},
		{"name beyond the directory", one(entry{record: put16(28, 0xffff)}), "directory is damaged"},
		{"comment beyond the directory", one(entry{record: put16(32, 0xffff)}), "directory is damaged"},
		{"extra field beyond the directory", one(entry{record: put16(30, 1)}), "directory is damaged"},
		{"junk in the directory", func() []byte {
			return patchEnd(insert(makeZip(entry{name: "a"}), endBytes, "junk"), put32(12, 46+1+4))
		}(), "directory is damaged"},
		{"entry on another disk", one(entry{record: put16(34, 1)}), "split"},
		{"zip64 packed", one(entry{record: put32(20, zip64Size)}), "zip64"},
		{"zip64 unpacked", one(entry{record: put32(24, zip64Size)}), "zip64"},
		{"zip64 place", one(entry{record: put32(42, zip64Size)}), "zip64"},
		{"500 MiB and a byte", one(entry{method: methodDeflate, packed: []byte{3, 0}, record: put32(24, 500<<20)}), "over 524288000 bytes"},

		// No regular file.
		{"folders alone", makeZip(entry{name: "a/"}, entry{name: "a/b/"}), "no file"},
		{"Windows folder alone", makeZip(entry{name: `a\`}), "no file"},

		// Names.
		{"no name", named(""), "no name"},
		{"root", named("/"), "absolute"},
		{"absolute", named("/etc/passwd"), "absolute"},
		{"absolute backslash", named(`\etc`), "absolute"},
		{"network", named(`\\host\x`), "absolute"},
		{"drive", named(`C:\x`), "absolute"},
		{"drive slash", named("c:/x"), "absolute"},
		{"drive relative", named("z:x"), "absolute"},
		{"climbing", named("../x"), "climbs"},
		{"climbing backslash", named(`..\x`), "climbs"},
		{"climbing inside", named("a/../../x"), "climbs"},
		{"climbing within", named("a/../x"), "climbs"},
		{"climbing mixed", named(`a\..\../x`), "climbs"},
		{"climbing at the end", named("a/.."), "climbs"},
		{"parent", named(".."), "climbs"},
		{"parent folder", named("../"), "climbs"},
		{"this", named("."), "ends in ."},
		{"file at this", named("a/."), "ends in ."},
		{"NUL", named("a\x00.js"), "control"},
		{"line break", named("a\nb"), "control"},
		{"escape", named("a\x1b[2J"), "control"},
		{"DEL", named("a\x7f"), "control"},
		{"C1", named("a\u0085"), "control"},
		{"control in GBK", named("\xd6\xd0\x01"), "control"},
		{"twice", named("a", "a"), "twice"},
		{"twice by ./", named("a", "./a"), "twice"},
		{"twice by /./", named("x/a", "x/./a"), "twice"},
		{"twice by //", named("x/a", "x//a"), "twice"},
		{"twice by backslash", named("x/a", `x\a`), "twice"},
		{"folder twice", named("x/", "x/"), "twice"},
		{"root twice", named("./", "././"), "twice"},
		{"file and folder", named("a", "a/"), "twice"},
		{"folder and file", named("a/", "a"), "twice"},
		{"file as folder", named("a", "a/b"), "inside of another"},
		{"file as folder, later", named("a/b/c", "a"), "inside of another"},
		{"file as folder, deep", named("a/b", `a\b\c/d/e`), "inside of another"},

		// Kinds of entry.
		{"link", ofType(0xa), "link or device"},
		{"pipe", ofType(0x1), "link or device"},
		{"character device", ofType(0x2), "link or device"},
		{"block device", ofType(0x6), "link or device"},
		{"socket", ofType(0xc), "link or device"},
		{"link of an MS-DOS host", one(entry{attrs: 0xa << 28, record: put16(4, 0x14)}), "link or device"},
		{"link named as a folder", one(entry{name: "a/", attrs: 0xa << 28}), "link or device"},
		{"folder without slash", one(entry{attrs: 0o40755 << 16}), "no slash"},
		{"MS-DOS folder without slash", one(entry{attrs: 0x10, record: put16(4, 0x14)}), "no slash"},
		{"folder with content", one(entry{name: "a/", body: "x"}), "folder with content"},
		{"Windows folder with content", one(entry{name: `a\`, body: "x"}), "folder with content"},
		{"encrypted", one(entry{flags: 1}), "encrypted"},
		{"strongly encrypted", one(entry{flags: 1 << 6}), "encrypted"},
		{"masked", one(entry{flags: 1 << 13}), "encrypted"},
		{"patch", one(entry{flags: flagPatch}), "neither"},
		{"bzip2", one(entry{method: 12}), "neither"},
		{"deflate64", one(entry{method: 9}), "neither"},

		// Data.
		{"outside", one(entry{record: put32(20, 1<<20), method: methodDeflate}), "outside"},
		{"place outside", one(entry{record: put32(42, 1<<30)}), "outside"},
		{"data in the directory", one(entry{method: methodDeflate, packed: []byte{3, 0}, local: put16(28, 10)}), "outside"},
		{"stored sizes differ", one(entry{body: "xy", record: put32(24, 1)}), "sizes contradict"},
		{"place of no header", one(entry{record: put32(42, 1)}), "header and the directory"},
		{"header has another name", one(entry{local: func(b []byte) { b[localBytes] = 'z' }}), "header and the directory"},
		{"header has a longer name", one(entry{name: "abc", local: put16(26, 4)}), "header and the directory"},
		{"header has another method", one(entry{local: put16(8, methodDeflate)}), "header and the directory"},
		{"header is encrypted", one(entry{local: put16(6, 1)}), "header and the directory"},
		{"header has another checksum", one(entry{body: "x", local: put32(14, 1)}), "header and the directory"},
		{"header has another size", one(entry{body: "x", local: put32(22, 2)}), "header and the directory"},
		{"header has another packed size", one(entry{body: "x", local: put32(18, 2)}), "header and the directory"},
		{"unpacks to less", one(inflating("x", 2)), "less"},
		{"unpacks to more", one(inflating(strings.Repeat("x", 100_000), 10)), "more"},
		{"no deflate stream", one(entry{body: "x", method: methodDeflate, packed: []byte{0xff}}), "damaged"},
		{"deflate stream cut off", one(entry{body: "x", method: methodDeflate, packed: deflated([]byte("x"))[:2]}), "damaged"},
		{"checksum", one(checksummed("x", methodStore, 1)), "checksum"},
		{"checksum deflated", one(checksummed("x", methodDeflate, 1)), "checksum"},
		{"checksum of zero", one(checksummed("x", methodStore, 0)), "checksum"},
		{"nothing follows", one(entry{body: "x", flags: flagDescriptor}), "header and the directory"},
		{
			"another checksum follows",
			one(entry{body: "x", flags: flagDescriptor, after: []byte(descriptorSignature + "abcdefghijkl")}),
			"header and the directory",
		},
		{
			"too little follows",
			one(entry{body: "content", flags: flagDescriptor, after: le.AppendUint64(
				le.AppendUint32([]byte(descriptorSignature), crc32.ChecksumIEEE([]byte("content"))), 7)[:12]}),
			"header and the directory",
		},
		{"overlapping", overlapping(), "overlap"},
		{"sharing data", sharing(), "overlap"},
	} {
		refusedFor(t, c.name, checkBytes(c.zip), c.reason)
	}
}

// insert puts text before the last n bytes.
func insert(b []byte, n int, text string) []byte {
	at := len(b) - n
	return append(append(append([]byte{}, b[:at]...), text...), b[at:]...)
}

// inflating is a deflated entry of which both headers declare another size.
func inflating(body string, size uint32) entry {
	return entry{body: body, method: methodDeflate, local: put32(22, size), record: put32(24, size)}
}

// checksummed is an entry of which both headers declare another checksum.
func checksummed(body string, method uint16, sum uint32) entry {
	return entry{body: body, method: method, local: put32(14, sum), record: put32(16, sum)}
}

// withLocator has a zip64 locator where readers look for one: inside of the
// last record's comment.
func withLocator() []byte {
	locator := locatorSignature + strings.Repeat("\x00", locatorBytes-4)
	b := makeZip(entry{name: "a", record: put16(32, locatorBytes)})
	b = insert(b, endBytes, locator)
	return patchEnd(b, put32(12, 46+1+locatorBytes))
}

// overlapping has a whole entry inside of the data of another.
func overlapping() []byte {
	inner := entry{name: "b", body: "content"}
	outer := entry{name: "a", body: string(append(inner.header([]byte("content")), "content"...))}
	return makeZip(outer, entry{name: "pad", body: strings.Repeat("x", 100)}, entry{
		name: "b", body: "content", record: put32(42, localBytes+1),
	})
}

// sharing declares one stretch of data over and over, so that a small zip is
// much to read; it unpacks to nothing.
func sharing() []byte {
	packed := append([]byte(strings.Repeat("\x00\x00\x00\xff\xff", 1000)), 1, 0, 0, 0xff, 0xff)
	list := []entry{{name: "a", method: methodDeflate, packed: packed}}
	for _, name := range []string{"b", "c", "d"} {
		list = append(list, entry{name: name, method: methodDeflate, packed: []byte{3, 0}, record: func(b []byte) {
			put32(20, uint32(len(packed)))(b)
			put32(42, 0)(b)
		}})
	}
	return makeZip(list...)
}
