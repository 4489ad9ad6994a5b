package heap

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNeighbours(t *testing.T) {
	const maps = `00400000-00e67000 r-xp 00000000 fe:00 997 /usr/bin/opentcb
00e67000-0195d000 r--p 00a67000 fe:00 997 /usr/bin/opentcb
10000000-10400000 ---p 00000000 00:00 0
10400000-10800000 rw-p 00000000 00:00 0
10800000-11000000 rw-p 00000000 00:00 0
11000000-14000000 ---p 00000000 00:00 0
7f8b74ae0000-7f8b74be0000 rw-p 00000000 00:00 0
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
`
	heap := []mapping{
		{0x10000000, 0x10400000, false}, {0x10400000, 0x10800000, true},
		{0x10800000, 0x11000000, true}, {0x11000000, 0x14000000, false},
	}
	for _, c := range []struct {
		address uintptr
		want    []mapping
	}{
		{0x10000000, heap},
		{0x10900000, heap},
		{0x13ffffff, heap},
		{0x14000000, nil},
		{0x0fffffff, nil},
		{0x7f8b74ae0000, []mapping{{0x7f8b74ae0000, 0x7f8b74be0000, true}}},
		{0xffffffffff600fff, []mapping{{0xffffffffff600000, 0xffffffffff601000, false}}},
	} {
		if got := neighbours(strings.NewReader(maps), c.address); !slices.Equal(got, c.want) {
			t.Errorf("%x: %v, want %v", c.address, got, c.want)
		}
	}
	if got := neighbours(strings.NewReader("nothing of the kind\n\n"), 1); got != nil {
		t.Errorf("no mappings: %v", got)
	}
}

// kept are the blocks of earlier runs, so that none gets memory of another.
var kept [][]byte

// TestAsk looks at what the kernel has noted of the memory of a block.
func TestAsk(t *testing.T) {
	block := make([]byte, 64<<20)
	kept = append(kept, block)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	middle := addressOf(block) + 32<<20
	_, err := os.Stat("/sys/kernel/mm/transparent_hugepage")
	has := err == nil
	if noted(t, middle) {
		t.Error("large pages were asked for before")
	}
	end := ask(addressOf(block), 0)
	if end < addressOf(block)+64<<20 {
		t.Errorf("the heap ends at %x, and has a block at %x", end, addressOf(block))
	}
	if got := noted(t, middle); got != has {
		t.Errorf("asked for large pages: %t, want %t", got, has)
	}
	for i := 0; i < len(block); i += 4096 {
		if block[i] != 1 || block[i+1] != 0 {
			t.Fatalf("byte %d has changed", i)
		}
	}
}

// TestAskOnce begins where the last request ended: memory that was given back
// since is left alone.
func TestAskOnce(t *testing.T) {
	block := make([]byte, 64<<20)
	defer runtime.KeepAlive(block)
	beyond := addressOf(block) + 1<<40
	if end := ask(addressOf(block), beyond); end != beyond {
		t.Errorf("end %x, want %x", end, beyond)
	}
}

// TestAskForThoseThere makes large pages of pages that were touched before,
// where the kernel does that at all: a block of its own tells.
func TestAskForThoseThere(t *testing.T) {
	block := notAskedFor(t)
	other := notAskedFor(t)
	before := largePages(t)
	page := (addressOf(other) + pageSize) &^ (pageSize - 1)
	_, _, refused := unix.Syscall(unix.SYS_MADVISE, page, pageSize, unix.MADV_COLLAPSE)
	ask(addressOf(block), addressOf(block))
	if got := largePages(t); refused == 0 && got < before+4096 {
		t.Errorf("%d KiB in large pages, before %d", got, before)
	}
}

// notAskedFor is a block in a part of the heap for which no large pages were
// asked, every page of it touched.
func notAskedFor(t *testing.T) []byte {
	t.Helper()
	for range 64 {
		block := make([]byte, 16<<20)
		kept = append(kept, block)
		if noted(t, addressOf(block)) || noted(t, addressOf(block)+16<<20-1) {
			continue
		}
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		return block
	}
	t.Fatal("large pages were asked for all of the heap")
	return nil
}

// largePages is how much of the process is in large pages, in KiB.
func largePages(t *testing.T) (kib int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "AnonHugePages: %d kB", &kib); err == nil {
			return kib
		}
	}
	return 0
}

// noted says whether the mapping that holds an address is marked hg (proc(5),
// smaps): large pages were asked for.
func noted(t *testing.T, address uintptr) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	var here bool
	for line := range strings.Lines(string(text)) {
		if run := neighbours(strings.NewReader(line), address); run != nil {
			here = true
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && here {
			return slices.Contains(strings.Fields(flags), "hg")
		}
	}
	t.Fatalf("no mapping at %x", address)
	return false
}
