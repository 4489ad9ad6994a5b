package seal

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
)

func ring(t testing.TB) *Ring {
	t.Helper()
	r, err := NewRing(NewMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealOpens(t *testing.T) {
	r := ring(t)
	row := []string{"wx00000000000000c1", "wx00000000000000a1"}
	sealed := r.Seal("codesecret", row, "the key")
	if strings.Contains(sealed, "the key") || sealed == r.Seal("codesecret", row, "the key") {
		t.Errorf("sealed form %q shows its content or repeats", sealed)
	}
	if got, err := r.Open("codesecret", row, sealed); err != nil || got != "the key" {
		t.Errorf("Open = %q, %v", got, err)
	}
}

func TestSealIsBoundToItsRow(t *testing.T) {
	r := ring(t)
	sealed := r.Seal("codesecret", []string{"ab", "c"}, "the key")
	for name, open := range map[string]func() (string, error){
		"other row":     func() (string, error) { return r.Open("codesecret", []string{"ab", "d"}, sealed) },
		"shifted row":   func() (string, error) { return r.Open("codesecret", []string{"a", "bc"}, sealed) },
		"other purpose": func() (string, error) { return r.Open("ticket", []string{"ab", "c"}, sealed) },
		"altered": func() (string, error) {
			return r.Open("codesecret", []string{"ab", "c"}, sealed[:len(sealed)-2]+"AA")
		},
		"other form": func() (string, error) { return r.Open("codesecret", []string{"ab", "c"}, "m1"+sealed[2:]) },
		"empty":      func() (string, error) { return r.Open("codesecret", []string{"ab", "c"}, "") },
	} {
		if got, err := open(); !errors.Is(err, ErrAltered) {
			t.Errorf("%s: Open = %q, %v; want ErrAltered", name, got, err)
		}
	}
	if _, err := ring(t).Open("codesecret", []string{"ab", "c"}, sealed); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("other master key: %v; want ErrUnknownKey", err)
	}
}

func TestMACRecognizes(t *testing.T) {
	r := ring(t)
	row := []string{"wx00000000000000c1"}
	stored := r.MAC("secret", row, "platform-one-secret")
	if !r.CheckMAC("secret", row, "platform-one-secret", stored) {
		t.Error("the value is not recognized")
	}
	if stored != r.MAC("secret", row, "platform-one-secret") {
		t.Error("MAC is not repeatable")
	}
	if r.CheckMAC("secret", row, "platform-two-secret", stored) ||
		r.CheckMAC("secret", []string{"wx00000000000000c2"}, "platform-one-secret", stored) ||
		r.CheckMAC("refresh", row, "platform-one-secret", stored) ||
		r.CheckMAC("secret", row, "platform-one-secret", "") ||
		ring(t).CheckMAC("secret", row, "platform-one-secret", stored) {
		t.Error("a false value, row, purpose or key is recognized")
	}
}

// Each use has a key of its own, and nobody without it can vouch.
func TestVouch(t *testing.T) {
	r := ring(t)
	vouched := r.Vouch(Row, []byte("text"))
	if err := r.CheckVouch(Row, []byte("text"), vouched); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"another text": r.CheckVouch(Row, []byte("texT"), vouched),
		"another use":  r.CheckVouch(Archive, []byte("text"), vouched),
		"altered":      r.CheckVouch(Row, []byte("text"), vouched+"A"),
		"of tokens":    r.CheckVouch(Row, []byte("text"), r.MAC("text", nil, "")),
		"none":         r.CheckVouch(Row, []byte("text"), ""),
	} {
		if !errors.Is(err, ErrAltered) {
			t.Errorf("%s: %v, want ErrAltered", what, err)
		}
	}
	if err := ring(t).CheckVouch(Row, []byte("text"), vouched); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("another master key: %v", err)
	}
}

// CR-10: every changed, added or dropped character makes a token false.
func TestTokenHasOneSpelling(t *testing.T) {
	r := ring(t)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, claim := range []string{"", "a", "ab", "abc", "a longer claim"} {
		token := r.Sign(AccessToken, []byte(claim))
		if !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(token) {
			t.Fatalf("token %q", token)
		}
		if got, err := r.Verify(AccessToken, token); err != nil || string(got) != claim {
			t.Fatalf("Verify = %q, %v", got, err)
		}
		for i := range token {
			for _, c := range alphabet + "\n\r=+/ \x00" {
				changed := token[:i] + string(c) + token[i+1:]
				if _, err := r.Verify(AccessToken, changed); changed != token && err == nil {
					t.Fatalf("character %d changed to %q passes", i, c)
				}
				if _, err := r.Verify(AccessToken, token[:i]+string(c)+token[i:]); err == nil {
					t.Fatalf("%q added at %d passes", c, i)
				}
			}
			if _, err := r.Verify(AccessToken, token[:i]); err == nil {
				t.Fatalf("cut at %d passes", i)
			}
		}
		for _, tail := range []string{"\n", "=", "A", "\r\n"} {
			if _, err := r.Verify(AccessToken, token+tail); err == nil {
				t.Fatalf("tail %q passes", tail)
			}
		}
	}
}

func TestTokenClassesAndKeysAreApart(t *testing.T) {
	r := ring(t)
	token := r.Sign(AccessToken, []byte("claim"))
	for _, class := range []Class{Link, Upload, Ticket} {
		if _, err := r.Verify(class, token); !errors.Is(err, ErrAltered) {
			t.Errorf("an access token as %s: %v", class, err)
		}
	}
	if _, err := ring(t).Verify(AccessToken, token); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("another key: %v", err)
	}
	if r.Secret(token) == r.Secret(token+"x") || len(r.Secret(token)) != 64 {
		t.Error("Secret does not depend on its token")
	}
}

func TestParseMasterKey(t *testing.T) {
	key := NewMasterKey()
	if got, err := ParseMasterKey([]byte(" " + FormatMasterKey(key) + "\n")); err != nil || !bytes.Equal(got, key) {
		t.Errorf("ParseMasterKey = %x, %v", got, err)
	}
	for _, text := range []string{"", "short", strings.Repeat("A", 43), strings.Repeat("A", 44), strings.Repeat("*", 44)} {
		if _, err := ParseMasterKey([]byte(text)); err == nil {
			t.Errorf("ParseMasterKey(%q) accepted", text)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	if _, err := NewRing([]byte("short")); err == nil {
		t.Error("a short master key is accepted")
	}
}

func FuzzVerify(f *testing.F) {
	r, err := NewRing(bytes.Repeat([]byte{7}, MasterKeyBytes))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.Sign(AccessToken, []byte("claim")))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		claim, err := r.Verify(AccessToken, token)
		if err == nil && r.Sign(AccessToken, claim) != token {
			t.Errorf("%q verifies but is not what Sign makes", token)
		}
		if _, err := r.Open("p", nil, token); err == nil {
			t.Errorf("%q opens", token)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	r := ring(b)
	token := r.Sign(AccessToken, make([]byte, 60))
	for b.Loop() {
		if _, err := r.Verify(AccessToken, token); err != nil {
			b.Fatal(err)
		}
	}
}
