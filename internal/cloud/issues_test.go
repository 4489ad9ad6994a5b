package cloud

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	second = int64(1000)
	minute = 60 * second
)

// begin is when these tests take place: Unix milliseconds.
const begin = int64(1_790_000_000_000)

// CR-8: a token lives until 5 minutes after the issue of its successor, to the
// millisecond.
func TestSuperseded(t *testing.T) {
	var is Issues
	first, is := is.next(begin, 0)
	if is.superseded(first, begin+24*60*minute) {
		t.Error("a token without a successor is superseded")
	}
	next, is := is.next(begin+10*minute, 0)
	third, is := is.next(begin+12*minute, 0)
	for _, c := range []struct {
		name   string
		issued int64
		at     int64
		want   bool
	}{
		{"first, before the overlap ends", first, begin + 15*minute - 1, false},
		{"first, as the overlap ends", first, begin + 15*minute, true},
		{"second, before its overlap ends", next, begin + 17*minute - 1, false},
		{"second, as its overlap ends", next, begin + 17*minute, true},
		{"third", third, begin + 24*60*minute, false},
	} {
		if got := is.superseded(c.issued, c.at); got != c.want {
			t.Errorf("%s: superseded %t", c.name, got)
		}
	}
}

// No two tokens share an issue time, and times ascend: within one millisecond,
// and where the clock goes back.
func TestIssueTimesAscend(t *testing.T) {
	var is Issues
	last := int64(0)
	for _, now := range []int64{
		begin, begin, begin, begin - minute, begin + 1, begin - 60*minute, begin + 2, begin + second,
	} {
		issued, next := is.next(now, 0)
		times := slices.DeleteFunc(slices.Clone(next), func(t int64) bool { return t < 0 })
		if issued <= last || issued < now || next[len(next)-1] != issued || !slices.IsSorted(times) {
			t.Errorf("at %d after %d: issued %d, times %v", now, last, issued, next)
		}
		last, is = issued, next
	}
}

// Where the clock has gone back, the token that was current stays so, and its
// successor's overlap counts from the successor's own time.
func TestOverlapWhereTheClockGoesBack(t *testing.T) {
	var is Issues
	first, is := is.next(begin, 0)
	next, is := is.next(begin-30*second, 0)
	for now, want := range map[int64]bool{
		begin - 30*second: false, begin + 5*minute - 30*second: false, next + 5*minute: true,
	} {
		if got := is.superseded(first, now); got != want {
			t.Errorf("the first token %d ms after the beginning: superseded %t", now-begin, got)
		}
		if is.superseded(next, now) {
			t.Error("the newest token is superseded")
		}
	}
}

// A clock that was wrong once does not lengthen the overlap (CR-8): it counts from
// when the successor was made. The times stay few, and a server of before, which
// knows the issue times alone, takes no token for superseded that is not.
func TestOverlapAfterAWrongClock(t *testing.T) {
	const wrong = begin + 40*24*60*minute
	var is Issues
	before, is := is.next(begin, 0)
	ahead, is := is.next(wrong, 0)
	tokens := []int64{before, ahead}
	now := begin + minute
	for range 100 {
		var issued int64
		now += 2 * minute
		issued, is = is.next(now, 0)
		tokens = append(tokens, issued)
		if len(is) > 10 {
			t.Fatalf("%d issue times: %v", len(is), is)
		}
		for i, token := range tokens {
			// A known successor was made over 5 minutes ago; nobody knows when ahead was.
			want := len(tokens)-1-max(i+1, 2) >= 3
			if got := is.superseded(token, now); got != want {
				t.Fatalf("token %d of %d: superseded %t; kept are %v", i, len(tokens), got, is)
			}
			successor, _ := slices.BinarySearch(is, token+1)
			if successor < len(is) && is[successor]+overlap.Milliseconds() <= now && !want {
				t.Fatalf("token %d of %d is superseded to a server of before; kept are %v", i, len(tokens), is)
			}
		}
	}
	if _, is = is.next(wrong+60*minute, 0); is[len(is)-2] >= is[len(is)-1] || is.ahead(wrong+60*minute) != 0 {
		t.Errorf("after the clock has come there: %v", is)
	}
}

// next gives what is to be stored instead, and leaves the old times alone:
// they are shared with every reader, and the swap compares with them.
func TestNextLeavesItsReceiver(t *testing.T) {
	old := Issues{begin, begin + second, begin + minute}
	for i := range 40 {
		was := slices.Clone(old)
		_, next := old.next(begin+minute+int64(i)*100, 0)
		if !slices.Equal(old, was) {
			t.Fatalf("next changed its receiver from %v to %v", was, old)
		}
		next[0]++
		if !slices.Equal(old, was) {
			t.Fatal("the new times share memory with the old")
		}
		_, old = old.next(begin+minute+int64(i)*100, 0)
	}
}

// A client that asks for tokens without end makes a bounded row.
func TestIssuesAreBounded(t *testing.T) {
	var is Issues
	most := 0
	for now := begin; now < begin+20*minute; now += 50 {
		_, is = is.next(now, 0)
		most = max(most, len(is))
	}
	if limit := issuesKept + 302; most > limit {
		t.Errorf("%d issue times, want at most %d", most, limit)
	}
	if _, is = is.next(begin+60*minute, 0); len(is) != 2 {
		t.Errorf("%d issue times after a pause, want the newest of the old and the new", len(is))
	}
}

// Compared with a model that keeps everything: a token never stops before its
// successor is 5 minutes old. It stops then at once while few tokens are
// about, and within a second at any rate.
func TestOverlapModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var is Issues
		var model []modelToken
		now, latest := begin, begin
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			now += rapid.OneOf(
				rapid.Int64Range(0, 3), rapid.Int64Range(0, 400), rapid.Int64Range(0, 30*second),
				rapid.Int64Range(4*minute, 6*minute), rapid.Int64Range(-20*second, 0),
				rapid.Int64Range(-20*minute, 20*minute),
			).Draw(t, "pause")
			latest = max(latest, now)
			if rapid.IntRange(0, 4).Draw(t, "issue") > 0 {
				var issued int64
				issued, is = is.next(now, 0)
				token := modelToken{issued, issued}
				if issued-now > minute {
					token.made = now
				}
				model = append(model, token)
			}
			at := latest + rapid.SampledFrom([]int64{0, 1, minute, 5*minute - 1, 5 * minute, 6 * minute}).Draw(t, "later")
			checkModel(t, is, model, at)
			if stored, err := ParseIssues(is.String()); err != nil || !slices.Equal(stored, is) {
				t.Fatalf("stored form of %v: %v, %v", is, stored, err)
			}
		}
	})
}

// modelToken is a token with its issue time and when its predecessors' overlap begins.
type modelToken struct{ issued, made int64 }

func checkModel(t *rapid.T, is Issues, model []modelToken, now int64) {
	few := len(model) <= issuesKept
	for i, token := range model {
		over := int64(-1) // how long ago it should have stopped
		for _, successor := range model[i+1:] {
			over = max(over, now-successor.made-5*minute)
		}
		switch got := is.superseded(token.issued, now); {
		case got && over < 0:
			t.Fatalf("token %d of %v stopped too early; kept are %v, it is %d", i, model, is, now)
		case !got && (over >= second || few && over >= 0):
			t.Fatalf("token %d of %v should have stopped %d ms ago; kept are %v, it is %d", i, model, over, is, now)
		}
	}
}

func TestParseIssues(t *testing.T) {
	for text, want := range map[string]Issues{"": nil, "5": {5}, "1,22,333": {1, 22, 333}} {
		if got, err := ParseIssues(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ParseIssues(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{",", "1,", "1,,2", "x", "1.5", " 1"} {
		if got, err := ParseIssues(text); err == nil {
			t.Errorf("ParseIssues(%q) = %v, want an error", text, got)
		}
	}
}

// TokenLife and the overlap are what the contract says.
func TestLives(t *testing.T) {
	for name, c := range map[string]struct{ got, want time.Duration }{
		"access token (CR-1, CR-6)":  {TokenLife, 2 * time.Hour},
		"overlap (CR-8)":             {overlap, 5 * time.Minute},
		"pre-auth code (CR-3)":       {PreAuthCodeLife, 30 * time.Minute},
		"authorization code (CR-4)":  {AuthCodeLife, time.Hour},
		"ticket (CR-2)":              {ticketLife, 12 * time.Hour},
		"renewal of tickets (CR-2)":  {ticketRenewal, 10 * time.Minute},
		"upload's signature (UP-5)":  {UploadSignatureLife, 5 * time.Minute},
		"link where none says other": {DefaultLinkLife, 10 * time.Minute},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}
