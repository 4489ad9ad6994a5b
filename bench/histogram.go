package main

import (
	"math/bits"
	"time"
)

// Each power of two is cut into 1<<cut parts: a figure is at most 1/64 off.
const cut = 6

// histogram counts latencies in buckets that grow with them.
type histogram struct {
	count   uint64
	buckets [(64 - cut) << cut]uint64
}

func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	shift := max(bits.Len64(v)-cut-1, 0)
	return shift<<cut + int(v>>shift)
}

// lowest is the smallest duration that falls into a bucket.
func lowest(bucket int) time.Duration {
	if bucket < 2<<cut {
		return time.Duration(bucket)
	}
	shift := bucket>>cut - 1
	return time.Duration(bucket-shift<<cut) << shift
}

func (h *histogram) add(d time.Duration) {
	h.buckets[bucketOf(d)]++
	h.count++
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
	h.count += other.count
}

// quantile is the latency that the fraction q of all stay within.
func (h *histogram) quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.count))
	for i, n := range h.buckets {
		if n > rank {
			return lowest(i)
		}
		rank -= n
	}
	return 0
}
