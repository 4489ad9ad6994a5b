package profile

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRelay takes the ticket from a relay, with its bearer, and follows it nowhere else.
func TestRelay(t *testing.T) {
	relay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/ticket":
			t.Errorf("%s was asked for", r.URL)
		case r.Header.Get("Authorization") == "Bearer away":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case r.Header.Get("Authorization") != "Bearer hush":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = w.Write([]byte(`{"component_verify_ticket":"ticket@@@x","create_time":1}`))
		}
	}))
	defer relay.Close()
	for bearer, want := range map[string]string{
		"hush": "ticket@@@x", "other": "it answered 401", "away": "it answered 302",
	} {
		profiles, err := Read(write(t, `profiles:
  main:
    platform: wx00000000000000c1
    secret: {value: x}
    ticket: {relay: "`+relay.URL+`", bearer: {value: `+bearer+`}}
`))
		if err != nil {
			t.Fatal(err)
		}
		got, err := profiles[0].Ticket.Get(t.Context())
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", bearer, got, want)
		}
	}
	_, err := Read(write(t, `profiles:
  main:
    platform: wx00000000000000c1
    secret: {relay: "http://127.0.0.1:1", bearer: {value: x}}
    ticket: {relay: 127.0.0.1, value: x}
`))
	for _, want := range []string{`secret has no member "relay"`, "is no address", "ticket needs bearer", `ticket has no member "value"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
