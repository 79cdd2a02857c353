package schedule

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func dates(t *testing.T, texts ...string) []Dates {
	t.Helper()
	all := make([]Dates, len(texts))
	for i, text := range texts {
		if err := all[i].UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestNextIsNotFrozen(t *testing.T) {
	s := Schedule{
		Name: "nightly", Cron: parse(t, "30 2 * * *", "Europe/Zurich"), Window: 3 * time.Hour,
		Freeze: dates(t, "2026-11-27", "2026-12-24..2027-01-02"),
	}
	for _, tt := range []struct{ after, want string }{
		{"2026-11-25T12:00:00Z", "2026-11-26T02:30:00+01:00"},
		{"2026-11-26T12:00:00Z", "2026-11-28T02:30:00+01:00"},
		{"2026-12-23T00:00:00Z", "2026-12-23T02:30:00+01:00"},
		{"2026-12-23T12:00:00Z", "2027-01-03T02:30:00+01:00"},
		{"2027-01-02T23:30:00+01:00", "2027-01-03T02:30:00+01:00"},
	} {
		n, ok := s.Next(moment(t, tt.after))
		if got := n.Due.Format(time.RFC3339); !ok || got != tt.want || n.End.Sub(n.Due) != s.Window || n.Start != n.Due {
			t.Errorf("after %s: Next returned %+v, %v, want %s", tt.after, n, ok, tt.want)
		}
	}
	s.Freeze = dates(t, "2026-01-01..2099-12-31")
	if n, ok := s.Next(moment(t, "2026-11-25T12:00:00Z")); ok {
		t.Errorf("frozen for good, and Next returned %+v", n)
	}
}

// TestFreezeIsLocal: a day is that of the schedule's time zone.
func TestFreezeIsLocal(t *testing.T) {
	s := Schedule{Cron: parse(t, "30 0 * * *", "Australia/Lord_Howe"), Window: time.Hour, Freeze: dates(t, "2026-11-24")}
	n, _ := s.Next(moment(t, "2026-11-23T00:00:00Z"))
	if got := n.Due.Format(time.RFC3339); got != "2026-11-25T00:30:00+11:00" {
		t.Errorf("Next returned %s", got)
	}
}

func TestCame(t *testing.T) {
	nightly := Schedule{Name: "nightly", Cron: parse(t, "30 2 * * *", "UTC"), Window: 3 * time.Hour}
	often := Schedule{Name: "often", Cron: parse(t, "*/15 * * * *", "UTC"), Window: 3 * time.Hour}
	late := Schedule{Name: "late", Cron: parse(t, "30 2 * * *", "UTC"), Window: 3 * time.Hour, Jitter: time.Hour}
	const longAgo = "2026-01-01T00:00:00Z"
	for _, tt := range []struct {
		name       string
		s          Schedule
		after, now string
		want       string // due; "" is none
	}{
		{"before", nightly, longAgo, "2026-11-23T02:29:59Z", ""},
		{"on time", nightly, longAgo, "2026-11-23T02:30:00Z", "2026-11-23T02:30:00Z"},
		{"done already", nightly, "2026-11-23T02:30:00Z", "2026-11-23T02:30:00Z", ""},
		{"missed, still in the window", nightly, longAgo, "2026-11-23T05:29:59Z", "2026-11-23T02:30:00Z"},
		{"missed", nightly, longAgo, "2026-11-23T05:30:00Z", ""},
		{"twelve missed are one", often, longAgo, "2026-11-23T05:32:00Z", "2026-11-23T05:30:00Z"},
		{"not those from before", often, "2026-11-23T05:30:00Z", "2026-11-23T05:32:00Z", ""},
		{"before its jitter", late, longAgo, "2026-11-23T02:30:00Z", ""},
		{"after its jitter", late, longAgo, "2026-11-23T03:30:00Z", "2026-11-23T02:30:00Z"},
	} {
		n, ok := tt.s.Due(moment(t, tt.after), moment(t, tt.now))
		got := ""
		if ok {
			got = n.Due.Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("%s: %s came, want %s", tt.name, got, tt.want)
		}
	}
}

// TestJitter: it is the same whoever asks, differs from day to day and from one
// schedule to the next, and leaves no part of its range out.
func TestJitter(t *testing.T) {
	s := Schedule{Name: "nightly", Cron: parse(t, "30 2 * * *", "Europe/Zurich"), Window: 3 * time.Hour, Jitter: 30 * time.Minute}
	other := s
	other.Name = "other"
	tenths := map[time.Duration]int{}
	same := 0
	at := moment(t, "2026-01-01T00:00:00Z")
	for range 365 {
		n, _ := s.Next(at)
		j := n.Start.Sub(n.Due)
		if again := s.Occurrence(n.Due); again != n || j < 0 || j >= s.Jitter {
			t.Fatalf("%v starts at %v, and then at %v", n.Due, n.Start, again.Start)
		}
		if other.Occurrence(n.Due).Start.Equal(n.Start) {
			same++
		}
		tenths[j/(3*time.Minute)]++
		at = n.Due
	}
	for i := range time.Duration(10) {
		if tenths[i] < 15 {
			t.Errorf("of 365 occurrences, %d start in tenth %d of the jitter", tenths[i], i)
		}
	}
	if same > 5 {
		t.Errorf("two schedules start at the same time in %d occurrences of 365", same)
	}
}

func TestDates(t *testing.T) {
	for text, want := range map[string]Dates{
		"2026-12-24":             {"2026-12-24", "2026-12-24"},
		"2026-12-24..2027-01-02": {"2026-12-24", "2027-01-02"},
		"2028-02-29":             {"2028-02-29", "2028-02-29"},
	} {
		var got Dates
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want || got.String() != text {
			t.Errorf("%q was read as %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "..", "24.12.2026", "2026-12-24..", "..2026-12-24", "2026-02-29", "2026-12-24 2026-12-25", "2027-01-02..2026-12-24", "2026-12-24...2026-12-25"} {
		var d Dates
		if err := d.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q was read as %+v, %v", text, d, err)
		}
	}
}

func TestValidate(t *testing.T) {
	got := map[string]string{}
	for _, n := range []string{"nightly", "web-2_b", "", "-x", "a b", "a.b", "a*", strings.Repeat("n", 64)} {
		if err := ValidateName(n); err != nil {
			got[n] = err.Error()
		}
	}
	for n := range got {
		if n == "nightly" || n == "web-2_b" {
			t.Errorf("the name %q is refused: %s", n, got[n])
		}
	}
	if len(got) != 6 {
		t.Errorf("these names are refused: %q", got)
	}
	for _, tt := range []struct {
		window, jitter time.Duration
		want           string
	}{
		{3 * time.Hour, 10 * time.Minute, ""},
		{0, 0, "window must say how long after its time hosts may be begun, such as \"3h\""},
		{8 * 24 * time.Hour, 0, "window must be at most 168h0m0s, is 192h0m0s"},
		{time.Hour, time.Hour, "jitter must be less than the window of 1h0m0s, is 1h0m0s"},
	} {
		said := ""
		if err := ValidateTimes(tt.window, tt.jitter); err != nil {
			said = err.Error()
		}
		if diff := cmp.Diff(tt.want, said); diff != "" {
			t.Errorf("%v, %v: %s", tt.window, tt.jitter, diff)
		}
	}
}
