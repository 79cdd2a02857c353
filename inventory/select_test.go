package inventory

import (
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
	} {
		hosts, err := inv.Select(tt.selector)
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
		{"failed:R42", `selector "failed:R42", position 1: there is no group or host "failed:R42"`},
	} {
		hosts, err := inv.Select(tt.selector)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Select(%q) = %v, %v\nwant %s", tt.selector, selected(hosts), err, tt.want)
		}
	}
}
