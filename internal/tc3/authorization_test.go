package tc3

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

var (
	signature = strings.Repeat("0123456789abcdef", 4)
	example   = "TC3-HMAC-SHA256 Credential=AKIDx/2019-02-25/scf/tc3_request, " +
		"SignedHeaders=content-type;host, Signature=" + signature
)

// UP-3
func TestAuthorizationString(t *testing.T) {
	a := Authorization{
		SecretID: "AKIDx", Date: "2019-02-25", Service: "scf",
		SignedHeaders: []string{"content-type", "host"}, Signature: signature,
	}
	if got := a.String(); got != example {
		t.Errorf("printed\n%s\nwant\n%s", got, example)
	}
	got, err := ParseAuthorization(example)
	if err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("parsed %+v, %v", got, err)
	}
}

func TestParseAuthorizationForms(t *testing.T) {
	want, err := ParseAuthorization(example)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		strings.ReplaceAll(example, ", ", ","),
		strings.ReplaceAll(example, ", ", ", \t "),
		"TC3-HMAC-SHA256 Signature=" + signature + ",SignedHeaders=content-type;host,Credential=AKIDx/2019-02-25/scf/tc3_request",
	} {
		if got, err := ParseAuthorization(s); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
}

func TestParseAuthorizationRefuses(t *testing.T) {
	replace := func(old, new string) string {
		s := strings.Replace(example, old, new, 1)
		if s == example {
			t.Fatalf("%q is not in the example", old)
		}
		return s
	}
	many := "h"
	for i := range maxSignedHeaders {
		many += ";h" + strconv.Itoa(i)
	}
	for name, s := range map[string]string{
		"empty":                  "",
		"method alone":           "TC3-HMAC-SHA256",
		"no field":               "TC3-HMAC-SHA256 ",
		"no method":              replace("TC3-HMAC-SHA256 ", ""),
		"other method":           replace("TC3-HMAC-SHA256", "TC3-HMAC-SHA1"),
		"method in lower case":   replace("TC3-HMAC-SHA256", "tc3-hmac-sha256"),
		"two spaces":             replace("SHA256 ", "SHA256  "),
		"space before":           " " + example,
		"space after":            example + " ",
		"space before a comma":   replace("tc3_request,", "tc3_request ,"),
		"line break":             replace(", S", ",\r\n S"),
		"comma at the end":       example + ",",
		"field absent":           replace("SignedHeaders=content-type;host, ", ""),
		"field twice":            replace("SignedHeaders=content-type;host", "Signature="+signature),
		"field four times":       example + ", Signature=" + signature,
		"unknown field":          replace("SignedHeaders", "Headers"),
		"field in lower case":    replace("Signature=", "signature="),
		"space around equals":    replace("Signature=", "Signature ="),
		"scope too short":        replace("/scf", ""),
		"scope too long":         replace("/scf", "/scf/scf"),
		"scope without end":      replace("tc3_request", "tc4_request"),
		"no secret id":           replace("AKIDx", ""),
		"secret id with a space": replace("AKIDx", "AK IDx"),
		"secret id not ASCII":    replace("AKIDx", "AKID\u00e9"),
		"secret id too long":     replace("AKIDx", strings.Repeat("x", maxSecretIDBytes+1)),
		"no date":                replace("2019-02-25", ""),
		"date that is none":      replace("2019-02-25", "2019-02-30"),
		"date short":             replace("2019-02-25", "2019-2-25"),
		"date with a time":       replace("2019-02-25", "2019-02-25T00"),
		"no service":             replace("/scf/", "//"),
		"service in upper case":  replace("/scf/", "/SCF/"),
		"service too long":       replace("/scf/", "/"+strings.Repeat("s", maxServiceBytes+1)+"/"),
		"no signed header":       replace("content-type;host", ""),
		"empty name":             replace("content-type;host", "content-type;;host"),
		"name in upper case":     replace("content-type", "Content-Type"),
		"name no token":          replace("content-type", "content type"),
		"name twice":             replace("content-type;host", "host;host"),
		"name too long":          replace("host", strings.Repeat("h", maxHeaderNameBytes+1)),
		"too many names":         replace("content-type;host", many),
		"signature short":        replace(signature, signature[1:]),
		"signature long":         replace(signature, signature+"0"),
		"signature upper case":   replace(signature, strings.ToUpper(signature)),
		"signature no hex":       replace(signature, "g"+signature[1:]),
		"too long":               replace(", S", ","+strings.Repeat(" ", maxAuthorizationBytes)+"S"),
	} {
		if a, err := ParseAuthorization(s); err == nil {
			t.Errorf("%s: accepted as %+v", name, a)
		}
	}
}

// EN-5: an error shows nothing of what was sent.
func TestParseAuthorizationErrorShowsNothing(t *testing.T) {
	for _, s := range []string{
		"x91x", "TC3-HMAC-SHA256 x91x", strings.Replace(example, "scf", "x91x/x91x", 1),
		strings.Replace(example, "host", "X91X;x91x", 1),
	} {
		if _, err := ParseAuthorization(s); err == nil || strings.Contains(strings.ToLower(err.Error()), "x91x") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// What parses prints, and that parses to the same.
func FuzzParseAuthorization(f *testing.F) {
	f.Add(example)
	f.Add(strings.ReplaceAll(example, ", ", ","))
	f.Add("TC3-HMAC-SHA256 Signature=" + signature + ",SignedHeaders=host,Credential=*/2020-02-29/s/tc3_request")
	f.Add("TC3-HMAC-SHA256 Credential=a=b/2020-02-29/s_-1/tc3_request,SignedHeaders=x;y,Signature=")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAuthorization(s)
		if err != nil {
			return
		}
		if len(s) > maxAuthorizationBytes || len(a.SignedHeaders) == 0 || len(a.Signature) != signatureBytes {
			t.Fatalf("accepted %q as %+v", s, a)
		}
		again, err := ParseAuthorization(a.String())
		if err != nil || !reflect.DeepEqual(again, a) {
			t.Fatalf("%q: %+v prints as %q, which parses to %+v, %v", s, a, a.String(), again, err)
		}
		if again.String() != a.String() {
			t.Fatalf("%q prints as %q, then as %q", s, a.String(), again.String())
		}
	})
}
