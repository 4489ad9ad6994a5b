package whitelist

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// realistic returns n different entries as providers write them, one in ten a
// folder, each in memory of its own as after decoding.
func realistic(rng *rand.Rand, n int) []string {
	areas := []string{"wxa", "wxa/business", "cgi-bin", "cgi-bin/message/custom", "datacube", "sns", "product/order", "wxaapi/newtmpl"}
	words := []string{"get", "set", "add", "list", "msg", "sec", "check", "user", "phone", "number", "template", "media", "send"}
	entries := make([]string, n)
	for i := range entries {
		entry := fmt.Sprintf("/%s/%s%s_%s%d", areas[rng.IntN(len(areas))],
			words[rng.IntN(len(words))], words[rng.IntN(len(words))], words[rng.IntN(len(words))], i)
		if i%10 == 9 {
			entry += "/*"
		}
		entries[i] = entry
	}
	return entries
}

// admitted returns a path that an entry admits.
func admitted(entry string) string {
	if folder, ok := strings.CutSuffix(entry, "*"); ok {
		return folder + "v2/query"
	}
	return entry
}

// deepest is the admitted path that costs most to judge: its segments are as
// many as can be.
func deepest(folder string) string {
	return strings.TrimSuffix(folder+strings.Repeat("a/", (MaxPathBytes-len(folder))/2), "/")
}

// BenchmarkJudge judges admitted paths: by one list, and by a thousand lists
// in turn, which do not all fit in a processor's nearest cache.
func BenchmarkJudge(b *testing.B) {
	for _, size := range []struct{ lists, entries int }{{1, 1}, {1, 1000}, {1000, 1}, {1000, 1000}} {
		b.Run(fmt.Sprintf("lists=%d/entries=%d", size.lists, size.entries), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			lists := make([]*List, size.lists)
			type call struct {
				list *List
				path string
			}
			var calls []call
			for i := range lists {
				entries := realistic(rng, size.entries)
				lists[i] = NewList(entries)
				for range 16 {
					calls = append(calls, call{lists[i], strings.Clone(admitted(entries[rng.IntN(len(entries))]))})
				}
			}
			rng.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				c := &calls[i]
				if i++; i == len(calls) {
					i = 0
				}
				if _, err := c.list.Judge(c.path); err != nil {
					b.Fatal(c.path, err)
				}
			}
		})
	}
}

// BenchmarkJudgeWorst judges what takes longest: the longest and deepest path,
// and one that is on no list.
func BenchmarkJudgeWorst(b *testing.B) {
	list := NewList(append(realistic(rand.New(rand.NewPCG(1, 2)), MaxEntries-1), "/wxa/deep/*"))
	for name, path := range map[string]string{
		"deepest": deepest("/wxa/deep/"),
		"longest": "/wxa/deep/" + strings.Repeat("a", MaxPathBytes-10),
		"refused": "/wxa/business/nosuchinterface",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := list.Judge(path); (err != nil) != (name == "refused") {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNewList reports what a list of 1,000 entries keeps in memory, the
// entries themselves not counted.
func BenchmarkNewList(b *testing.B) {
	entries := realistic(rand.New(rand.NewPCG(1, 2)), MaxEntries)
	for b.Loop() {
		NewList(entries)
	}
	b.ReportMetric(keptBytes(entries, 1000), "kept-B/entry")
}

// keptBytes returns the bytes per entry that a list keeps, the entries not
// counted, as the garbage collector sees it over n lists.
func keptBytes(entries []string, n int) float64 {
	lists := make([]*List, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range lists {
		lists[i] = NewList(entries)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(lists)
	runtime.KeepAlive(entries)
	return (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / float64(n*len(entries))
}
