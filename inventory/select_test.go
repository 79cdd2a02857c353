package inventory

import (
	"errors"
	"strings"
	"testing"
)

func selected(hosts []Host) string {
	var names []string
	for _, h := range hosts {
		names = append(names, strings.TrimSuffix(string(h.Name), ".example.com"))
	}
	return strings.Join(names, " ")
}

// failedIn has hosts in another order than the inventory's, one of them twice and one
// that was removed since.
func failedIn(rollout string) ([]HostName, error) {
	switch rollout {
	case "R42", "r42":
		return []HostName{"dbb", "web-a01.example.com", "removed", "web-b03.example.com", "dbb"}, nil
	case "R41": // nothing failed
		return nil, nil
	case "R40": // only what was removed since
		return []HostName{"removed"}, nil
	}
	return nil, errors.New(rollout + " is not in the journal")
}

func TestSelect(t *testing.T) {
	inv, err := Parse("i.toml", []byte(shop))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ selector, want string }{
		{"all", "web-b01 web-b02 web-b03 web-a01 web-a02 dba dbb spare alone"},
		{"db", "dba dbb spare"},
		{"web", "web-b01 web-b02 web-b03 web-a01 web-a02"},
		{"alone", "alone"},
		{"dbb,dba,db", "dba dbb spare"},
		{" dbb , dba ", "dba dbb"},
		{"web,!web_old", "web-b01 web-b02 web-b03"},
		{"!web_old,web", "web-b01 web-b02 web-b03"},
		{"!web", "dba dbb spare alone"},
		{"! web,!db", "alone"},
		{"web,!web-b02.example.com", "web-b01 web-b03 web-a01 web-a02"},
		{"web-a*", "web-a01 web-a02"},
		{"db?", "dba dbb"},
		{"web-?[^2-9]?.*", "web-b01 web-b02 web-b03 web-a01 web-a02"},
		{"web-b[01-02].example.com", "web-b01 web-b02"},
		{"db[b,a]", "dba dbb"},
		{"web[0:1]", "web-b01 web-b02"},
		{"web[0:0]", "web-b01"},
		{"web[3]", "web-a01"},
		{"web[-1]", "web-a02"},
		{"web[-2:]", "web-a01 web-a02"},
		{"web[:1]", "web-b01 web-b02"},
		{"web[1:-2]", "web-b02 web-b03 web-a01"},
		{"web[:]", "web-b01 web-b02 web-b03 web-a01 web-a02"},
		{"web[3:99]", "web-a01 web-a02"},
		{"web[-99:0]", "web-b01"},
		{"all[0]", "web-b01"},
		{"web,!web[0:9]", ""},
		{"web,!web[1:]", "web-b01"},
		{"label:tier=web", "web-b01 web-b02 web-b03 web-a01 web-a02"},
		{"label:site=g*", "web-b02"},
		{"label:canary", "web-b02"},
		{"label:tier=web,!label:canary=yes", "web-b01 web-b03 web-a01 web-a02"},
		{"db,!label:canary=no", "dba dbb spare"},
		{"failed:R42", "web-b03 web-a01 dbb"},
		{"failed:r42", "web-b03 web-a01 dbb"},
		{"failed:R42,alone", "web-b03 web-a01 dbb alone"},
		{"failed:R42[0:1]", "web-b03 web-a01"},
		{"failed:R42[-1]", "dbb"},
		{"failed:R42,!db", "web-b03 web-a01"},
		{"db,!failed:R42", "dba spare"},
		{"web,! failed:R42[0]", "web-b01 web-b02 web-a01 web-a02"},
		{"!failed:R42", "web-b01 web-b02 web-a02 dba spare alone"},
		{"db,!failed:R41", "dba dbb spare"},
		{"db,!failed:R40", "dba dbb spare"},
	} {
		hosts, err := inv.Select(tt.selector, failedIn)
		if tt.want == "" {
			if err == nil || err.Error() != `selector "`+tt.selector+`" selects no host` {
				t.Errorf("Select(%q) = %v, %v; want an error", tt.selector, hosts, err)
			}
		} else if got := selected(hosts); err != nil || got != tt.want {
			t.Errorf("Select(%q) = %s, %v; want %s", tt.selector, got, err, tt.want)
		}
	}
}

func TestSelectErrors(t *testing.T) {
	inv, err := Parse("i.toml", []byte(shop))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ selector, want string }{
		{"", `selector "", position 1: a host, group or label is missing here`},
		{"web,", `selector "web,", position 5: a host, group or label is missing here`},
		{"web,,db", `selector "web,,db", position 5: a host, group or label is missing here`},
		{"web, !", `selector "web, !", position 7: a host, group or label is missing here`},
		{"web,!!db", `selector "web,!!db", position 6: two "!" are one too many`},
		{"web,web_nwe", `selector "web,web_nwe", position 5: there is no group or host "web_nwe" (did you mean "web_new"?)`},
		{"!nobody-here", `selector "!nobody-here", position 2: there is no group or host "nobody-here"`},
		{"al", `selector "al", position 1: there is no group or host "al" (did you mean "all"?)`},
		{"wbe[0:1]", `selector "wbe[0:1]", position 1: there is no group or host "wbe" (did you mean "web"?)`},
		{"web[2:1]", `selector "web[2:1]", position 1: the slice [2:1] runs backwards`},
		{"web[-1:-2]", `selector "web[-1:-2]", position 1: the slice [-1:-2] runs backwards`},
		{"web[a:b]", `selector "web[a:b]", position 1: "a" is no index`},
		{"web[7]", `selector "web[7]", position 1: "web[7]" selects no host`},
		{"zzz*", `selector "zzz*", position 1: "zzz*" selects no host`},
		{"web-[*", `selector "web-[*", position 1: the pattern "web-[*" has a bracket that is not closed`},
		{"web-[1", `selector "web-[1", position 1: "web-[1" has a [ without a ]`},
		{"db[a-d]", `selector "db[a-d]", position 1: there is no host "dbc", which "db[a-d]" stands for`},
		{"label:", `selector "label:", position 1: the name of the label is missing`},
		{"label:=x", `selector "label:=x", position 1: the name of the label is missing`},
		{"label:tier=[", `selector "label:tier=[", position 1: the pattern "[" has a bracket`},
		{"label:teir=web", `selector "label:teir=web", position 1: "label:teir=web" selects no host (did you mean "tier"?)`},
		{"label:tier=db", `selector "label:tier=db", position 1: "label:tier=db" selects no host`},
		{"failed:", `selector "failed:", position 1: the rollout is missing: failed:ROLLOUT`},
		{"web,!failed:", `selector "web,!failed:", position 6: the rollout is missing: failed:ROLLOUT`},
		{"web,failed:R44", `selector "web,failed:R44", position 5: R44 is not in the journal`},
		{"web,!failed:R44", `selector "web,!failed:R44", position 6: R44 is not in the journal`},
		{"failed:R42,R43", `selector "failed:R42,R43", position 12: there is no group or host "R43"`},
		{"failed:R41", `selector "failed:R41", position 1: "failed:R41" selects no host`},
		{"web,failed:R40", `selector "web,failed:R40", position 5: "failed:R40" selects no host`},
		{"failed:R42[3]", `selector "failed:R42[3]", position 1: "failed:R42[3]" selects no host`},
		{"failed:R42[2:1]", `selector "failed:R42[2:1]", position 1: the slice [2:1] runs backwards`},
		{"failed:[0:1]", `selector "failed:[0:1]", position 1: [0:1] is not in the journal`},
		{"failed:R[41-42]", `selector "failed:R[41-42]", position 1: R[41-42] is not in the journal`},
	} {
		hosts, err := inv.Select(tt.selector, failedIn)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Select(%q) = %v, %v\nwant %s", tt.selector, selected(hosts), err, tt.want)
		}
	}
}

// TestSelectCause: who is asked for a rollout may say what to make of an error.
func TestSelectCause(t *testing.T) {
	inv, err := Parse("i.toml", []byte(shop))
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("the journal is in use")
	if _, err := inv.Select("web,failed:R42", func(string) ([]HostName, error) { return nil, cause }); !errors.Is(err, cause) {
		t.Errorf("Select = %v, want %v", err, cause)
	}
	if _, err := inv.Select("failed:R42", nil); err == nil || !strings.HasSuffix(err.Error(), `: there is no rollout "R42"`) {
		t.Errorf("with no rollouts: %v", err)
	}
}
