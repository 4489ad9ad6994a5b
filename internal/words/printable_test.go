package words

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestText: whatever a terminal would act on is shown in its place.
func TestText(t *testing.T) {
	for s, want := range map[string]string{
		"":                             "",
		"plain: 中文, é, 🙂":              "plain: 中文, é, 🙂",
		"\x1b]0;owned\x07\x1b[2J":      `\u001b]0;owned\u0007\u001b[2J`,
		"/a\n/wxa/added\r\t":           `/a\u000a/wxa/added\u000d\u0009`,
		"\u009b31m \u202egnp \u200b.":  `\u009b31m \u202egnp \u200b.`,
		"\U000e0041":                   `\udb40\udc41`,
		"half \xe4\xb8 of a character": "half \ufffd\ufffd of a character",
	} {
		if got := Printable(s); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

// TestWriter: the same, through writes that end anywhere, and JSON stays what
// it is.
func TestWriter(t *testing.T) {
	text, err := json.Marshal([]string{"\x1b[2J", "\u009b", "\U000e0041", "中文\u202e", "\t"})
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	for step := 1; step < 5; step++ {
		var out bytes.Buffer
		w := NewWriter(&out)
		for rest := text; len(rest) > 0; {
			n := min(step, len(rest))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		const want = `["\u001b[2J","\u009b","\udb40\udc41","中文\u202e","\t"]` + "\n"
		if out.String() != want {
			t.Errorf("in steps of %d: %q, want %q", step, out.String(), want)
		}
		var before, after []string
		if json.Unmarshal(text, &before) != nil || json.Unmarshal(out.Bytes(), &after) != nil || before[2] != after[2] {
			t.Errorf("in steps of %d: %q became %q", step, before, after)
		}
	}
}
