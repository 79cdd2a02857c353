package server

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/access"
)

// TestRevoked: a stream ends soon after what let its client in counts no more, says why,
// and is in the history as any refusal. What it was about ends too.
func TestRevoked(t *testing.T) {
	for _, tt := range []struct {
		name               string
		role               string // whose token it is
		method, path, body string
		change             func(access.Token) access.Token
		status             int
		says, ended        string
	}{
		{"taken out", "viewer", "GET", "/v1/rollouts/R7/events?follow=true", "", func(access.Token) access.Token { return access.Token{} },
			http.StatusUnauthorized, "nobody has this token", "no longer followed"},
		{"a weaker role", "operator", "POST", "/v1/hosts/ping", `{"selector":"slow"}`, func(a access.Token) access.Token { a.Role = access.Viewer; return a },
			http.StatusForbidden, "token operator is viewer, and this takes operator", "no longer pinged"},
		{"expired", "viewer", "GET", "/v1/rollouts/R7/events?follow=true", "", func(a access.Token) access.Token { a.Expires = time.Now(); return a },
			http.StatusUnauthorized, "this token has expired", "no longer followed"},
	} {
		r := start(t)
		req, err := http.NewRequestWithContext(t.Context(), tt.method, r.remote.base+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+r.tokens[tt.role])
		req.Header.Set("Content-Type", kindOf(tt.path, tt.body))
		answer, err := r.remote.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(10*time.Second, func() { answer.Body.Close() })
		var last Problem
		changed := false
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			if !changed { // all others still count
				changed = true
				r.tokensNow(func(a access.Token) access.Token {
					if a.Name == tt.role {
						return tt.change(a)
					}
					return a
				})
			}
			if strings.Contains(lines.Text(), `"type":"problem"`) {
				if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
					t.Error(err)
				}
			}
		}
		answer.Body.Close()
		if last.Status != tt.status || last.Detail != tt.says {
			t.Errorf("%s: the stream ended with %+v", tt.name, last)
		}
		if !slices.Contains(r.done(), tt.ended) {
			t.Errorf("%s: done was %v", tt.name, r.done())
		}
		if all := r.recorded(); len(all) != 1 || all[0].Did != "refused" || all[0].Error != tt.says {
			t.Errorf("%s: recorded is %+v", tt.name, all)
		}
	}
}
