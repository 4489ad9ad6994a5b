package heap

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"golang.org/x/sys/unix"
)

// pageSize is that of a large page on most machines. On others the kernel
// makes large pages by itself, in its own time.
const pageSize = 2 << 20

// onRequest says whether the kernel gives large pages to who asks for them:
// not where it gives them to all, nor where its owner has forbidden them.
func onRequest() bool {
	setting, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	return err == nil && strings.Contains(string(setting), "[madvise]")
}

func addressOf(block []byte) uintptr { return reflect.ValueOf(block).Pointer() }

// ask asks for large pages for the heap from an address on, and returns where
// the heap ends today. inHeap is an address in it. A heap never shrinks, and
// grows at its end; what is asked for twice would take back memory that was
// given back to the system. A kernel that does not know a request, or has no
// large page left, refuses, and nothing is lost.
func ask(inHeap, from uintptr) (end uintptr) {
	file, err := os.Open("/proc/self/maps")
	if err != nil {
		return from
	}
	defer file.Close()
	for _, m := range neighbours(file, inHeap) {
		if !m.writable || m.end <= from {
			continue
		}
		begin := max(m.begin, from)
		advise(begin, m.end, unix.MADV_HUGEPAGE) // for pages to come
		// For those that are there, one by one: where nothing is yet, the kernel
		// leaves off.
		for page := (begin + pageSize - 1) &^ (pageSize - 1); page+pageSize <= m.end; page += pageSize {
			advise(page, page+pageSize, unix.MADV_COLLAPSE)
		}
		from = m.end
	}
	return from
}

func advise(begin, end, advice uintptr) {
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, begin, end-begin, advice)
}

// mapping is a part of the address space.
type mapping struct {
	begin, end uintptr
	writable   bool
}

// neighbours returns the mapping that holds an address and those that lie
// side by side with it, in ascending order. The text is that of proc(5).
func neighbours(maps io.Reader, address uintptr) []mapping {
	var run []mapping
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var m mapping
		var rights string
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s", &m.begin, &m.end, &rights); n < 3 {
			continue
		}
		m.writable = strings.HasPrefix(rights, "rw")
		if n := len(run); n > 0 && run[n-1].end != m.begin {
			if address < run[n-1].end {
				break
			}
			run = run[:0]
		}
		run = append(run, m)
	}
	if len(run) == 0 || address < run[0].begin || address >= run[len(run)-1].end {
		return nil
	}
	return run
}
