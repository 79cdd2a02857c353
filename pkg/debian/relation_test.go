package debian

import (
	"os/exec"
	"reflect"
	"testing"
)

func TestParseRelations(t *testing.T) {
	got, err := ParseRelations("Depends", "libc6:any (>=2.34) , a1|b2\t( << 1:2-3 ),\n c3:i386")
	checkError(t, "several", err, "")
	want := Relations{
		{{Name: "libc6", Qualifier: "any", Operator: ">=", Version: "2.34"}},
		{{Name: "a1"}, {Name: "b2", Operator: "<<", Version: "1:2-3"}},
		{{Name: "c3", Qualifier: "i386"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
	if s := got.String(); s != "libc6:any (>= 2.34), a1 | b2 (<< 1:2-3), c3:i386" {
		t.Errorf("it is written %q", s)
	}
}

var relationTests = []struct{ field, value, want string }{
	{"Depends", "adduser", ""},
	{"Depends", "a1 (= 1), b2 (>> 2) | c3 (<= 3)", ""},
	{"Provides", "a1 (= 1)", ""},
	{"Conflicts", "a1 (<< 1)", ""},
	{"Depends", "", "empty"},
	{"Depends", "a1,,b2", "empty"},
	{"Depends", "a1 |", "empty"},
	{"Depends", "a1 (> 1)", "operators"},
	{"Depends", "a1 (1)", "operators"},
	{"Depends", "a1 ()", "operators"},
	{"Depends", "a1 (>= 1", "parenthesis"},
	{"Depends", "a1 (>= 1) x", "parenthesis"},
	{"Depends", "a1 (>= 1 2)", "not a version"},
	{"Depends", "a1 b2", "not a package name"},
	{"Depends", "A1", "not a package name"},
	{"Depends", "a1: (>= 1)", "architecture"},
	{"Depends", "a1:native", "or all"},
	{"Depends", "a1\n\nEssential: yes", "architecture"},
	{"Depends", "a1\nb2", "not a package name"},
	{"Depends", "${shlibs:Depends}", "source packages"},
	{"Depends", "a1 [amd64]", "source packages"},
	{"Depends", "a1 <!nocheck>", "source packages"},
	{"Conflicts", "a1 | b2", "alternatives"},
	{"Provides", "a1 (>= 1)", `only "="`},
	{"Essential", "a1", "no relations"},
}

func TestParseRelationsRefuses(t *testing.T) {
	for _, tt := range relationTests {
		_, err := ParseRelations(tt.field, tt.value)
		checkError(t, tt.field+": "+tt.value, err, tt.want)
	}
}

// TestRelationsAgreeWithDpkg holds that dpkg reads all that we accept. What we
// refuse it may read: it takes "> 1" with a warning, and skips empty elements.
func TestRelationsAgreeWithDpkg(t *testing.T) {
	needs(t, "perl", "dpkg-parsechangelog") // the second comes with Dpkg::Deps
	const script = `use Dpkg::Deps; exit(defined deps_parse($ARGV[0], build_dep => 0, union => $ARGV[1]) ? 0 : 1)`
	for _, tt := range relationTests {
		union := ""
		if !relationFields[tt.field].alternatives {
			union = "1"
		}
		if tt.want != "" {
			continue
		}
		if out, err := exec.Command("perl", "-e", script, tt.value, union).CombinedOutput(); err != nil {
			t.Errorf("dpkg refuses %q: %v %s", tt.value, err, out)
		}
	}
}

// FuzzRelations holds that what is written is read back the same.
func FuzzRelations(f *testing.F) {
	for _, tt := range relationTests {
		f.Add(tt.value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		relations, err := ParseRelations("Depends", value)
		if err != nil {
			return
		}
		again, err := ParseRelations("Depends", relations.String())
		if err != nil || !reflect.DeepEqual(relations, again) {
			t.Errorf("%q was written as %q and read back as %q: %v", value, relations, again, err)
		}
		if _, err := (Stanza{}).With("Depends", relations.String()); err != nil {
			t.Errorf("%q cannot be written: %v", value, err)
		}
	})
}
