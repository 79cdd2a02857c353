package rollout

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/inventory"
)

var wireEvents = []Event{
	{Kind: KindCreated, At: noon, By: "ada@deploy (7)", Term: 1, Spec: someSpec("a", "b")},
	{Kind: KindCreated, At: noon, Term: 1, Spec: wholeSpec()},
	{Kind: KindTaken, At: noon, By: "bob@deploy (8)", Term: 2, Prev: 17, Results: 4},
	{Kind: KindPlanned, At: noon, Plan: &Plan{[]Group{{[]inventory.HostName{"a", "b"}, []Change{{"x", "1", "2"}, {"y", "", "1"}}, []string{"x"}, []Change{{"p", "1", "2"}}, []Change{{"q", "1", "2"}}, Versions{"z": "1"}, 1, -2, 3, []string{"y (unpacked)"}, "none", true}}}, Part: 1, Parts: 2},
	{Kind: KindApproved, At: noon, Digest: "abc"},
	{Kind: KindBatchEnded, At: noon, Batch: 3},
	{Kind: KindRetried, At: noon, Hosts: []inventory.HostName{"a", "b"}},
	{Kind: KindGate, At: noon, Host: "a", Attempt: 1, Status: Failed, Cause: "x"},
	{Kind: KindStep, At: noon, Term: 1, Prev: 1, Host: "a", Attempt: 1, Step: "install", Status: Doing, Undo: json.RawMessage(`{"shop-web":"1.1"}`)},
	{Kind: KindPrefetch, At: noon, Host: "a", Attempt: 1, Status: Failed, Verdict: HostFailed, Cause: "x", Notes: []string{"y"}},
	{Kind: KindStep, At: noon, Term: 1, Prev: 1, Results: 1, Host: "a", Attempt: 1, Step: "install", Status: Failed, Cause: "apt-get exited with 100"},
	{Kind: KindResult, At: noon, Term: 1, Prev: 1, Results: 2, Host: "a", Attempt: 1, Verdict: HostFailed, Before: Versions{"shop-web": "1.1"}, After: Versions{"shop-web": "1.2"}, Cause: "install: \x1b[31m"},
	{Kind: KindResult, At: noon, Term: 1, Prev: 1, Results: 2, Host: "a", Attempt: 1, Verdict: HostReturned, Before: Versions{}, After: Versions{}},
	{Kind: KindFinished, At: noon, Term: 1, Prev: 1, Results: 3, Summary: &Summary{Done: 1, Failed: 2, Unreachable: 3, Unknown: 4, Returned: 5, Stuck: 6, Running: 7, NotStarted: 8}},
}

// wholeSpec has every field set.
func wholeSpec() *Spec {
	s := someSpec("a", "b", "c")
	s.Canaries, s.Pairs, s.Planned = []inventory.HostName{"b"}, [][]inventory.HostName{{"a", "c"}}, true
	s.Allow = Allowance{Remove: []string{"x"}, Held: []string{"y"}}
	s.Reboot = RebootIfRequired
	s.Policy = Policy{
		Parallel: 8, Batches: []Amount{Hosts(1), Percent(10)}, MaxFailures: Hosts(0), OnFailure: Rollback,
		Gate: true, Settle: time.Second, Deadline: time.Minute, Pause: time.Hour, Confirm: true,
	}
	return s
}

func TestEncodeDecode(t *testing.T) {
	for _, want := range wireEvents {
		data, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeEvent(data)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Amount{})); diff != "" {
			t.Errorf("%s came back changed:\n%s", data, diff)
		}
	}
}

// TestOldEvents reads what the first version wrote; it is never edited.
func TestOldEvents(t *testing.T) {
	const v1 = `{"v":1,"k":"step","t":"2026-11-23T12:00:00Z","tm":1,"p":1,"h":"a","a":1,"s":"install","st":"doing","u":{"shop-web":"1.1"}}`
	got, err := DecodeEvent([]byte(v1))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wireEvents[8], got); diff != "" {
		t.Errorf("an event of version 1 reads differently now:\n%s", diff)
	}
	const created = `{"v":1,"k":"created","t":"2026-11-23T12:00:00Z","by":"ada@deploy (7)","tm":1,"spec":{"mode":"install","packages":[{"name":"shop-web","version":"1.2-1"}],` +
		`"suite":"nightly","selector":"web","hosts":["a","b"],"parallel":2,"who":"ada","when":"2026-11-23T12:00:00Z","command":["aptfleet","rollout","shop-web"]}}`
	if got, err = DecodeEvent([]byte(created)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wireEvents[0], got, cmp.AllowUnexported(Amount{})); diff != "" {
		t.Errorf("a spec of version 1 reads differently now:\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{``, "EOF"},
		{`{`, "unexpected EOF"},
		{`[]`, "cannot unmarshal"},
		{`{}`, "version 0"},
		{`{"v":6,"k":"created"}`, "it has version 6, and this aptfleet reads up to 5"},
		{`{"v":1}`, "no kind"},
		{`{"v":1,"k":"taken","color":"red"}`, "unknown field"},
		{`{"v":1,"k":"taken","t":"yesterday"}`, "parsing time"},
		{`{"v":1,"k":"taken"} {}`, "something follows"},
		{`{"v":6,"k":"taken","color":"red"}`, "it has version 6"},
		{`{"color":"red","v":6}`, "it has version 6"},
	} {
		if _, err := DecodeEvent([]byte(tt.in)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("DecodeEvent(%s) returned %v, want %q", tt.in, err, tt.want)
		}
	}
}

// FuzzDecodeEvent: whatever is accepted is understood completely, so that it
// can be written and read again without a change, and folding it never panics.
func FuzzDecodeEvent(f *testing.F) {
	for _, e := range wireEvents {
		data, err := e.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := DecodeEvent(data)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil {
			t.Fatalf("%s is accepted and cannot be encoded: %v", data, err)
		}
		e2, err := DecodeEvent(again)
		if err != nil {
			t.Fatalf("%s became %s, which is refused: %v", data, again, err)
		}
		if last, err := e2.Encode(); err != nil || string(last) != string(again) {
			t.Fatalf("%s became %s and then %s: %v", data, again, last, err)
		}
		var s State
		_ = s.Apply(e) // may well be refused
		_ = s.Apply(e2)
	})
}
