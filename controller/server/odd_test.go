package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// oddValues are what a key may be given that does not want it.
var oddValues = []string{`null`, `true`, `""`, `"x"`, `-1`, `0`, `1.5`, `1e400`, `[]`, `[null]`, `[1]`, `{}`, `"\u0000"`, `"\ud800"`}

// oddBodies returns bodies that are like a good one and not quite it.
func oddBodies(t *testing.T, keys []string, good string) (odd []string) {
	t.Helper()
	odd = []string{``, ` `, `null`, `[]`, `{}`, `""`, `1`, `{`, "\x00", `{"":1}`, good + good, good + `,`, strings.ToUpper(good), `[` + good + `]`}
	whole := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(good), &whole); err != nil {
		t.Fatal(err)
	}
	encode := func(key, value string) string {
		var pairs []string
		for _, k := range slices.Sorted(maps.Keys(whole)) {
			if k != key {
				pairs = append(pairs, fmt.Sprintf("%q:%s", k, whole[k]))
			}
		}
		if value != "" {
			pairs = append(pairs, fmt.Sprintf("%q:%s", key, value))
		}
		return "{" + strings.Join(pairs, ",") + "}"
	}
	for _, key := range keys {
		odd = append(odd, encode(key, "")) // without it
		for _, value := range oddValues {
			odd = append(odd, encode(key, value))
		}
	}
	return odd
}

// TestOddBodies asks for each operation that takes an object with odd ones. Whatever the
// description refuses must be refused, as the client checks, and nothing is a fault of
// the server's.
func TestOddBodies(t *testing.T) {
	r := start(t)
	doc := loadDocument(t)
	for i, e := range exchanges {
		operation := doc.Paths.Value(routes()[i].path).Operations()[e.method]
		if operation.RequestBody == nil || operation.RequestBody.Value.Content["application/json"] == nil {
			continue
		}
		keys := slices.Sorted(maps.Keys(operation.RequestBody.Value.Content["application/json"].Schema.Value.Properties))
		for _, body := range oddBodies(t, keys, e.body+strings.Repeat("{}", 1-min(1, len(e.body)))) {
			answer, got := r.local.do(e.method, e.path, "", "application/json", body)
			if answer.StatusCode >= http.StatusInternalServerError {
				t.Errorf("%s %s %q is answered with %s: %s", e.method, e.path, body, answer.Status, got)
			}
		}
	}
}
