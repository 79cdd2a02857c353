package rollout

import (
	"strings"
	"testing"
	"time"
)

func TestAmount(t *testing.T) {
	for _, tt := range []struct {
		in    string
		hosts int
		want  int // -1 is refused
	}{
		{"0", 10, 0}, {"3", 10, 3}, {"12", 10, 12},
		{"0%", 10, 0}, {"5%", 10, 0}, {"5%", 20, 1}, {"10%", 19, 1}, {"100%", 7, 7}, {"33%", 10_000, 3300},
		{"", 1, -1}, {"%", 1, -1}, {"-1", 1, -1}, {"+1", 1, -1}, {"01", 1, -1}, {"1.5%", 1, -1}, {"101%", 1, -1}, {"5 %", 1, -1}, {"99999999999999999999", 1, -1},
	} {
		a, err := ParseAmount(tt.in)
		if (err != nil) != (tt.want == -1) || err == nil && (a.Of(tt.hosts) != tt.want || a.String() != tt.in || !a.Said()) {
			t.Errorf("ParseAmount(%q) returned %v, %v, which is %d of %d, want %d", tt.in, a, err, a.Of(tt.hosts), tt.hosts, tt.want)
		}
		var again Amount
		if text, _ := a.MarshalText(); again.UnmarshalText(text) != nil || again != a {
			t.Errorf("%v came back as %v", a, again)
		}
	}
}

func TestValidatePolicy(t *testing.T) {
	amounts := func(words ...string) (all []Amount) {
		for _, w := range words {
			a, err := ParseAmount(w)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, a)
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		policy Policy
		want   string // part of the error; "" for none
	}{
		{"least", Policy{Parallel: 1}, ""},
		{"whole", Policy{Parallel: 1, Batches: amounts("1", "10%", "100%"), MaxFailures: Percent(5), OnFailure: Rollback, Gate: true, Settle: 30 * time.Second, Deadline: 5 * time.Minute, Pause: time.Hour}, ""},
		{"numbers and percents in turn", Policy{Parallel: 1, Batches: amounts("1", "10%", "5", "10%")}, ""},
		{"nobody works", Policy{}, "parallel must be at least 1"},
		{"shrinking percents", Policy{Parallel: 1, Batches: amounts("20%", "10%")}, "batch size 10% follows 20%"},
		{"shrinking numbers", Policy{Parallel: 1, Batches: amounts("5", "10%", "4")}, "batch size 4 follows 5"},
		{"empty batch", Policy{Parallel: 1, Batches: amounts("0%")}, "no host at all"},
		{"unsaid batch", Policy{Parallel: 1, Batches: []Amount{{}}}, "no host at all"},
		{"unknown end", Policy{Parallel: 1, OnFailure: "panic"}, `unknown on_failure "panic"`},
		{"settles too late", Policy{Parallel: 1, Gate: true, Settle: time.Minute, Deadline: time.Minute}, "deadline must be longer"},
		{"no gate, no deadline", Policy{Parallel: 1, Settle: time.Minute}, ""},
		{"negative", Policy{Parallel: 1, Pause: -1}, "negative"},
		{"two pauses", Policy{Parallel: 1, Pause: 1, Confirm: true}, "not both"},
	} {
		if err := tt.policy.Validate(); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Validate returned %v, want %q", tt.name, err, tt.want)
		}
	}
}
