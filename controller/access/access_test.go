package access

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestMay(t *testing.T) {
	for _, tt := range []struct {
		role, needed Role
		want         bool
	}{
		{Viewer, Viewer, true}, {Viewer, Operator, false}, {Operator, Viewer, true}, {Operator, Admin, false},
		{Admin, Operator, true}, {"", Viewer, false}, {"root", Viewer, false}, {Admin, "", false}, {"", "", false},
	} {
		if got := tt.role.May(tt.needed); got != tt.want {
			t.Errorf("%q may what needs %q: %v, want %v", tt.role, tt.needed, got, tt.want)
		}
	}
}

func TestFind(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	lasting, lastingHash := NewSecret()
	until, untilHash := NewSecret()
	tokens := Tokens{
		{Name: "ci", Role: Operator, Hash: lastingHash},
		{Name: "guest", Role: Viewer, Hash: untilHash, Expires: noon},
		{Name: "forgotten", Role: Admin}, // without a hash it must match nothing
	}
	for _, tt := range []struct {
		name, shown string
		at          time.Time
		who         string
		want        error
	}{
		{"good", lasting, noon, "ci", nil},
		{"before it expires", until, noon.Add(-time.Nanosecond), "guest", nil},
		{"expired", until, noon, "guest", ErrExpired},
		{"unknown", lasting + "x", noon, "", ErrUnknown},
		{"empty", "", noon, "", ErrUnknown},
		{"the hash itself", string(lastingHash), noon, "", ErrUnknown},
	} {
		if got, err := tokens.Find(tt.shown, tt.at); got.Name != tt.who || !errors.Is(err, tt.want) {
			t.Errorf("%s: %q, %v; want %q, %v", tt.name, got.Name, err, tt.who, tt.want)
		}
	}
	if a, _ := NewSecret(); a == lasting || !strings.HasPrefix(a, tokenPrefix) {
		t.Errorf("a new token is %s", a)
	}
}

func TestUnmarshal(t *testing.T) {
	_, hash := NewSecret()
	var h Hash
	if err := h.UnmarshalText([]byte(strings.ToUpper(string(hash)[7:]))); err == nil {
		t.Error("a hash without its kind is taken")
	}
	if err := h.UnmarshalText([]byte("sha256:" + strings.ToUpper(string(hash)[7:]))); err != nil || h != hash {
		t.Errorf("%s became %s, %v", hash, h, err)
	}
	secret, _ := NewSecret()
	if err := h.UnmarshalText([]byte(secret)); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a token where a hash should be: %v", err)
	}
	var r Role
	if err := r.UnmarshalText([]byte("root")); err == nil {
		t.Error("root is a role")
	}
	if err := r.UnmarshalText([]byte("admin")); err != nil || r != Admin {
		t.Errorf("admin is read as %q, %v", r, err)
	}
}
