package config

import (
	"strings"
	"testing"
)

// TestStarterServer holds the examples that are commented out.
func TestStarterServer(t *testing.T) {
	asIs, _ := starter(t, Choices{})
	var lines []string
	for line := range strings.Lines(string(asIs)) {
		if example, ok := strings.CutPrefix(line, "#   "); ok {
			lines = append(lines, example)
		}
	}
	_, example, found := strings.Cut(strings.Join(lines, ""), "[server]")
	c, err := Parse("/x/"+FileName, []byte("[server]"+example))
	if !found || err != nil {
		t.Fatal(err)
	}
	if len(c.Server.Tokens) != 1 || c.Server.TLSKey != "/x/server.key" || len(c.Notify) != 3 || c.Notify[0].Mail.Password.File != "/x/smtp.password" {
		t.Errorf("the examples were read as %+v and %+v", c.Server, c.Notify)
	}
}

// TestNoTokenInErrors: a token where its hash should be is not repeated.
func TestNoTokenInErrors(t *testing.T) {
	_, err := Parse("c.toml", []byte("[[server.tokens]]\nname = \"ci\"\nrole = \"admin\"\nhash = \"aptfleet_SECRET\""))
	if err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("the error is %v", err)
	}
}
