package admin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/opentcb/opentcb/internal/admin"
)

// document reads the OpenAPI document and checks that it is one.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(admin.OpenAPI)
	must(t, err)
	must(t, doc.Validate(t.Context()))
	return doc
}

// TestOpenAPIRoutes compares the document with the server's routes, both ways,
// and what it says of the token with what the routes need.
func TestOpenAPIRoutes(t *testing.T) {
	closed, open := admin.New(admin.Config{}).Routes()
	var said, saidOpen []string
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			if op.Security != nil && len(*op.Security) == 0 {
				saidOpen = append(saidOpen, method+" "+path)
			} else {
				said = append(said, method+" "+path)
			}
		}
	}
	slices.Sort(said)
	slices.Sort(saidOpen)
	if !slices.Equal(said, closed) {
		t.Errorf("with the token: the document has %q, the server %q", said, closed)
	}
	if !slices.Equal(saidOpen, open) {
		t.Errorf("without a token: the document has %q, the server %q", saidOpen, open)
	}
}

// TestOpenAPIIsServed gets the document from a running server.
func TestOpenAPIIsServed(t *testing.T) {
	s := start(t)
	resp, text := s.request(t, "GET", "/openapi.yaml", "", http.Header{"Authorization": nil})
	if resp.StatusCode != http.StatusOK || text != string(admin.OpenAPI) {
		t.Errorf("status %d, %d bytes", resp.StatusCode, len(text))
	}
}

// checker carries requests and holds them, and the answers, against the
// OpenAPI document.
type checker struct {
	t            *testing.T
	doc          *openapi3.T
	router       routers.Router
	answersAlone bool // the requests are not meant to be right
}

func newChecker(t *testing.T) *checker {
	t.Helper()
	doc := document(t)
	doc.Servers = nil // the test's server has a port of its own
	router, err := legacy.NewRouter(doc)
	must(t, err)
	for _, mime := range []string{"application/zip", "application/x-ndjson", "application/x-tar", "application/yaml"} {
		openapi3filter.RegisterBodyDecoder(mime, asText)
	}
	openapi3filter.RegisterBodyDecoder("application/har+json", openapi3filter.JSONBodyDecoder)
	return &checker{t: t, doc: doc, router: router}
}

// asText gives a body to the schema as a string.
func asText(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
	text, err := io.ReadAll(body)
	return string(text), err
}

// RoundTrip carries a request.
func (c *checker) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(resp.Body)
	if errClose := resp.Body.Close(); err != nil || errClose != nil {
		return nil, errors.Join(err, errClose)
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(sent))
	c.check(again, resp, text)
	return resp, nil
}

func (c *checker) check(r *http.Request, resp *http.Response, text []byte) {
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		c.unrouted(r, resp, text)
		return
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
		},
	}
	if !c.answersAlone {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			c.t.Errorf("request %s %s: %v", r.Method, r.URL.Path, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
		Body: io.NopCloser(bytes.NewReader(text)), Options: in.Options,
	}
	if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		c.t.Errorf("answer of %s %s: %v", r.Method, r.URL.Path, err)
	}
	if r.URL.Path == "/v1/audit" && resp.StatusCode == http.StatusOK {
		c.checkRecords(text)
	}
}

// checkRecords holds every line of the audit record against its schema.
func (c *checker) checkRecords(text []byte) {
	schema := c.doc.Components.Schemas["Record"].Value
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
		var record any
		if line == "" {
			continue
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			c.t.Errorf("audit: %v: %s", err, line)
		} else if err := schema.VisitJSON(record, openapi3.EnableJSONSchema2020()); err != nil {
			c.t.Errorf("audit: %s: %v", line, err)
		}
	}
}

// unrouted checks the answer to a request that the document does not have: a
// refusal in the common form.
func (c *checker) unrouted(r *http.Request, resp *http.Response, text []byte) {
	var body any
	err := json.Unmarshal(text, &body)
	if err == nil {
		err = c.doc.Components.Schemas["Error"].Value.VisitJSON(body, openapi3.EnableJSONSchema2020())
	}
	if err != nil || resp.StatusCode < 400 {
		c.t.Errorf("answer of %s %s: %d %q: %v", r.Method, r.URL.Path, resp.StatusCode, text, err)
	}
}
