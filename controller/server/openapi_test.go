package server

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// TestDocument holds the description and the handlers against each other, in both
// directions.
func TestDocument(t *testing.T) {
	doc := loadDocument(t)
	described := map[string]string{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			role, _ := operation.Extensions["x-role"].(string)
			described[method+" "+path] = role
			if operation.Responses.Default() == nil {
				t.Errorf("%s %s does not say what a problem looks like", method, path)
			}
		}
	}
	for _, r := range routes() {
		role, ok := described[r.method+" "+r.path]
		if !ok {
			t.Errorf("%s %s is not described", r.method, r.path)
		} else if role != string(r.role) {
			t.Errorf("%s %s takes %s, and %q is described", r.method, r.path, r.role, role)
		}
		delete(described, r.method+" "+r.path)
		if r.did != "" && r.method == http.MethodGet {
			t.Errorf("%s %s is an action and must not be a GET", r.method, r.path)
		}
	}
	for operation := range described {
		t.Errorf("%s is described and has no handler", operation)
	}
}

// TestRolloutRequestIsDescribed holds what can be asked of a rollout against the description,
// in both directions.
func TestRolloutRequestIsDescribed(t *testing.T) {
	described := maps.Clone(loadDocument(t).Components.Schemas["RolloutRequest"].Value.Properties)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[RolloutRequest]()) {
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if described[key] == nil {
			t.Errorf("%s is not described", key)
		}
		delete(described, key)
	}
	for key := range described {
		t.Errorf("%s is described and cannot be asked for", key)
	}
}

func loadDocument(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openapi)
	if err == nil {
		err = doc.Validate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// checked is a client whose requests and answers are held against the
// description. wrong says that a request is meant to be wrong.
type checked struct {
	*http.Client
	t      testing.TB
	router routers.Router
	base   string
}

func newChecked(t testing.TB, client *http.Client, base string) *checked {
	t.Helper()
	doc := loadDocument(t)
	doc.Servers = nil // the addresses of tests differ
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &checked{client, t, router, base}
}

func init() {
	openapi3filter.RegisterBodyDecoder("application/vnd.debian.binary-package", openapi3filter.FileBodyDecoder)
}

// do sends a request and returns the answer with its whole body.
func (c *checked) do(method, path, token, kind, body string) (*http.Response, []byte) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := c.Do(r)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	c.check(r, body, answer, got)
	return answer, got
}

// check holds request and answer against the description: what is described has
// to be answered well or refused for another reason, and the other way round.
func (c *checked) check(r *http.Request, body string, answer *http.Response, got []byte) {
	c.t.Helper()
	at := r.Method + " " + r.URL.Path
	r.Body = io.NopCloser(strings.NewReader(body))
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		if answer.StatusCode/100 == 2 {
			c.t.Errorf("%s is answered with %s and is not described", at, answer.Status)
		}
		return
	}
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
	}}
	if err := openapi3filter.ValidateRequest(c.t.Context(), input); err != nil && answer.StatusCode/100 == 2 {
		c.t.Errorf("%s is answered with %s, and the description refuses it: %v", at, answer.Status, err)
	}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "application/yaml") {
		return // the document itself
	}
	for _, part := range parts(answer, got) {
		err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: input, Status: answer.StatusCode, Header: answer.Header,
			Body: io.NopCloser(bytes.NewReader(part)), Options: input.Options,
		})
		if err != nil {
			c.t.Errorf("%s: the answer is not as described: %v\n%s", at, err, part)
		}
	}
}

// parts returns what of an answer is described: each line of a stream.
func parts(answer *http.Response, got []byte) [][]byte {
	if answer.Header.Get("Content-Type") != "application/x-ndjson" {
		return [][]byte{got}
	}
	var lines [][]byte
	for s := bufio.NewScanner(bytes.NewReader(got)); s.Scan(); {
		if len(s.Bytes()) > 0 {
			lines = append(lines, slices.Clone(s.Bytes()))
		}
	}
	return lines
}

func init() {
	json := openapi3filter.RegisteredBodyDecoder("application/json")
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", json)
	if json == nil {
		panic("kin-openapi reads no JSON")
	}
}
