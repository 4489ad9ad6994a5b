package sqlstore

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opentcb/opentcb/internal/cloud"
)

func someRecords() []cloud.Record {
	const platform, appid = "wx00000000000000c1", "wx00000000000000a1"
	return []cloud.Record{
		{
			At: 1790000000000, RID: "6b0105c7-f144e386-7062cb36", Platform: platform, AppID: appid,
			Action: "getcodesecret",
		},
		{
			At: 1790000000001, RID: "start", Operator: true, AppID: appid,
			Action: "apply", Target: "environment test-777bb9", Detail: "added",
		},
		{
			At: 1790000000001, RID: "6B0105C7-f144e386-7062cb36", Platform: platform,
			Action: "usecloudaccesstoken", Target: "get env \"é\"", Code: -501000,
		},
		{
			At: 1790000059999, RID: "6b0105c7-f144e386-7062cb3g", Platform: platform, AppID: appid,
			Action: "getcodesecret", Code: 61007,
		},
	}
}

func decodeAll(t *testing.T, b []byte) []cloud.Record {
	t.Helper()
	var recs []cloud.Record
	if err := decodeBatch(b, func(r cloud.Record) { recs = append(recs, r) }); err != nil {
		t.Fatal(err)
	}
	return recs
}

func TestBatchRoundTrip(t *testing.T) {
	want := someRecords()
	if diff := cmp.Diff(want, decodeAll(t, encodeBatch(want))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDamagedBatch(t *testing.T) {
	whole := encodeBatch(someRecords())
	ends := map[int]bool{} // where a record ends, what is before is a batch
	for n := range whole {
		var got []cloud.Record
		if decodeBatch(whole[:n], func(r cloud.Record) { got = append(got, r) }) == nil {
			ends[n] = true
		}
	}
	if len(ends) != len(someRecords()) {
		t.Errorf("%d beginnings of a batch pass for whole ones, want the empty one and the end of each record but the last",
			len(ends))
	}
	if err := decodeBatch(append([]byte{99}, whole[1:]...), func(cloud.Record) {}); err == nil {
		t.Error("a batch of another version is read")
	}
}

func FuzzDecodeBatch(f *testing.F) {
	f.Add(encodeBatch(someRecords()))
	f.Add([]byte{batchVersion, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var recs []cloud.Record
		if decodeBatch(b, func(r cloud.Record) { recs = append(recs, r) }) != nil || len(recs) == 0 {
			return
		}
		for i := range recs {
			recs[i].At = max(recs[i].At, recs[0].At) // times that overflowed were never encoded
		}
		again := encodeBatch(recs)
		if diff := cmp.Diff(recs, decodeAll(t, again)); diff != "" {
			t.Errorf("-first +second:\n%s", diff)
		}
		if !bytes.Equal(again, encodeBatch(decodeAll(t, again))) {
			t.Error("encoding is not stable")
		}
	})
}

func BenchmarkEncodeBatch(b *testing.B) {
	recs := make([]cloud.Record, 8192)
	for i := range recs {
		recs[i] = someRecords()[0]
	}
	var size int
	for b.Loop() {
		size = len(encodeBatch(recs))
	}
	b.ReportMetric(float64(size)/float64(len(recs)), "bytes/record")
}
