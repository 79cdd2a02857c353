package inventory

import (
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	for _, tt := range []struct{ pattern, want string }{
		{"web", "web"},
		{"web[01-03]", "web01 web02 web03"},
		{"web[8-11].x", "web8.x web9.x web10.x web11.x"},
		{"web[08-11]", "web08 web09 web10 web11"},
		{"db[a-c]", "dba dbb dbc"},
		{"db[X-Z]", "dbX dbY dbZ"},
		{"r[1-2]n[a-b]", "r1na r1nb r2na r2nb"},
		{"w[0-8/4,12]", "w0 w4 w8 w12"},
		{"w[a-g/3]", "wa wd wg"},
		{"w[1,blue]", "w1 wblue"},
		{"w[5-5]", "w5"},
		{"w[0-0]", "w0"},
		{"w[9223372036854775806-9223372036854775807]", "w9223372036854775806 w9223372036854775807"},
	} {
		got, err := Expand(tt.pattern)
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("Expand(%q) = %v, %v; want %s", tt.pattern, got, err, tt.want)
		}
	}
}

func TestExpandErrors(t *testing.T) {
	for _, tt := range []struct{ pattern, want string }{
		{"w[3-1]", "runs backwards, from 3 to 1"},
		{"w[c-a]", "runs backwards, from c to a"},
		{"w[a-Z]", "runs backwards"},
		{"w[Z-a]", "mixes upper and lower case"},
		{"w[1-c]", "neither two numbers nor two letters"},
		{"w[ab-cd]", "neither two numbers nor two letters"},
		{"w[01-100]", "as many digits"},
		{"w[1-010]", "as many digits"},
		{"w[]", "neither FROM-TO"},
		{"w[1,]", "neither FROM-TO"},
		{"w[1/2]", "neither FROM-TO"},
		{"w[1-3/0]", "no positive number"},
		{"w[1-3/x]", "no positive number"},
		{"w[1-3", "[ without a ]"},
		{"w[[]", "[ without a ]"},
		{"w1]", "] without a ["},
		{"w[0-999999999]", "more than 1000000 hosts"},
		{"w[0-9999]x[0-9999]", "more than 1000000 hosts"},
		{"w[-1-3]", "neither two numbers"},
	} {
		if got, err := Expand(tt.pattern); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.pattern) {
			t.Errorf("Expand(%q) = %v, %v; want an error with %q", tt.pattern, got, err, tt.want)
		}
	}
}
