package health

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var allKinds = []Probe{
	{Kind: Package, Target: "shop-web"},
	{Kind: Unit, Target: "shop-web.service", Timeout: 1500 * time.Millisecond},
	{Kind: HTTP, Target: "http://127.0.0.1:8080/healthz", Status: 200, Contains: `"{version:shop-web}"`},
	{Kind: TCP, Target: "127.0.0.1:8080"},
	{Kind: Disk, Target: "/srv", MinFree: 1 << 30},
	NewMemory(200 << 20),
	NewClock(2 * time.Second),
	NewCommand("/bin/check", "two words"),
}

func TestProbeFile(t *testing.T) {
	data, err := EncodeProbes(allKinds)
	if err != nil {
		t.Fatal(err)
	}
	const stored = `{"version":1,"probes":[{"kind":"package","target":"shop-web"},{"kind":"unit","target":"shop-web.service","timeout_ms":1500},` +
		`{"kind":"http","target":"http://127.0.0.1:8080/healthz","status":200,"contains":"\"{version:shop-web}\""},{"kind":"tcp","target":"127.0.0.1:8080"},` +
		`{"kind":"disk","target":"/srv","min_free":1073741824},{"kind":"memory","target":"available","min_free":209715200},` +
		`{"kind":"clock","target":"skew","max_skew_ms":2000},{"kind":"command","argv":["/bin/check","two words"]}]}`
	oneLine := strings.NewReplacer("\n", "", "  ", "", `": `, `":`)
	if got := oneLine.Replace(string(data)); got != stored {
		t.Errorf("EncodeProbes returned\n%s\nwant\n%s", got, stored)
	}
	got, err := DecodeProbes(data)
	if diff := cmp.Diff(allKinds, got); diff != "" || err != nil {
		t.Errorf("DecodeProbes returned %v\n%s", err, diff)
	}
	none, err := EncodeProbes(nil)
	if got, errBack := DecodeProbes(none); len(got) != 0 || err != nil || errBack != nil {
		t.Errorf("no probes: %s is read as %v: %v, %v", none, got, err, errBack)
	}
}

func TestDecodeProbesRefuses(t *testing.T) {
	with := func(probe string) string { return `{"version":1,"probes":[` + probe + `]}` }
	for _, tt := range []struct{ name, data, want string }{
		{"nothing", "", "EOF"},
		{"newer", `{"version":2,"moods":[]}`, "they have version 2, and this program reads up to 1"},
		{"no version", `{"probes":[]}`, "they have version 0"},
		{"unknown key", with(`{"kind":"tcp","target":"a:1","mood":1}`), `unknown field "mood"`},
		{"unknown kind", with(`{"kind":"mood","target":"x"}`), `unknown kind of probe "mood"`},
		{"two files", with("") + with(""), "something follows it"},
		{"twice", with(`{"kind":"tcp","target":"a:1"},{"kind":"tcp","target":"a:1"}`), "it is there twice"},
		{"cannot be meant", with(`{"kind":"unit","target":"shop"}`), `unit shop: "shop" is no unit of systemd`},
		{"another command", with(`{"kind":"command","target":"true","argv":["false"]}`), "does not name the command"},
		{"endless", with(`{"kind":"tcp","target":"a:1","timeout_ms":9223372036854775807}`), "a time is out of bounds"},
		{"too long", strings.Repeat(" ", maxProbesFile+1), "are the most"},
	} {
		if _, err := DecodeProbes([]byte(tt.data)); err == nil || !strings.HasPrefix(err.Error(), "cannot decode probes: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: DecodeProbes returned %v, want %s", tt.name, err, tt.want)
		}
	}
	if _, err := EncodeProbes([]Probe{{Kind: TCP}}); err == nil {
		t.Error("EncodeProbes returned what DecodeProbes would refuse")
	}
}

// FuzzDecodeProbes holds that what is accepted can be meant, and is stored and
// read again as it was.
func FuzzDecodeProbes(f *testing.F) {
	data, err := EncodeProbes(allKinds)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		probes, err := DecodeProbes(data)
		if err != nil {
			return
		}
		if err := ValidateAll(probes); err != nil {
			t.Fatal(err)
		}
		again, err := EncodeProbes(probes)
		if err != nil {
			t.Fatalf("cannot encode what was decoded: %v", err)
		}
		back, err := DecodeProbes(again)
		if diff := cmp.Diff(probes, back, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("they read otherwise the second time: %v\n%s", err, diff)
		}
	})
}
