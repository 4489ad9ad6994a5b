package heap

import "testing"

func TestTuneEnds(t *testing.T) {
	for range 3 {
		Tune()()
	}
}
