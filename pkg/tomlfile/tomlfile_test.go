package tomlfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type person struct {
	Name string   `toml:"name"`
	Wait Duration `toml:"wait"`
}

type shape struct {
	common
	Title  string             `toml:"title"`
	Port   int                `toml:"port"`
	Ratio  float64            `toml:"ratio"`
	On     bool               `toml:"on"`
	Hosts  []string           `toml:"hosts"`
	Labels map[string]string  `toml:"labels"`
	People []person           `toml:"people"`
	Groups map[string]*person `toml:"groups"`
	Free   any                `toml:"free"`
	Hidden string             `toml:"-"`
}

type common struct {
	User string `toml:"user"`
}

func TestDecode(t *testing.T) {
	src := `
user = "deploy"
title = "x"
ratio = 1
hosts = ["a", "b"]
[labels]
tier = "web"
[[people]]
name = "ada"
wait = "1m30s"
[groups.z]
name = "zoe"
[groups.a]
name = "al"
[free.as.one.likes]
x = 1
`
	var got shape
	file, err := Decode("x.toml", []byte(src), &got)
	if err != nil {
		t.Fatal(err)
	}
	if got.User != "deploy" || got.Ratio != 1 || got.Labels["tier"] != "web" || got.Groups["z"].Name != "zoe" {
		t.Errorf("decoded %+v", got)
	}
	if want := []person{{"ada", Duration(90 * time.Second)}}; !slices.Equal(got.People, want) {
		t.Errorf("people = %v, want %v", got.People, want)
	}
	if got, want := file.Children("groups"), []string{"z", "a"}; !slices.Equal(got, want) {
		t.Errorf("groups are %v, want the file's order %v", got, want)
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"syntax", "title = \"a\"\nport = = 3\n", "x.toml:2: "},
		{"the same key twice", "title = \"a\"\ntitle = \"b\"\n", "x.toml:2: "},
		{"unknown key", "\nprot = 3\n", `x.toml:2: prot: unknown key (did you mean "port"?)`},
		{"unknown table", "[zzz]\na = 1\n", "x.toml:1: zzz: unknown key"},
		{"case", "Port = 3\n", `x.toml:1: Port: unknown key (did you mean "port"?)`},
		{"embedded", "usr = 'x'\n", `x.toml:1: usr: unknown key (did you mean "user"?)`},
		{"hidden", "Hidden = 'x'\n", "x.toml:1: Hidden: unknown key"},
		{"in the second of an array of tables", "[[people]]\nname = \"a\"\n[[people]]\nnme = \"b\"\n",
			`x.toml:4: people[1].nme: unknown key (did you mean "name"?)`},
		{"text in an array of tables", "[[people]]\nwait = \"1s\"\n[[people]]\nwait = \"1\"\n[[people]]\nwait = \"1s\"\n",
			`x.toml:4: people[1].wait: "1" is no length of time such as "30s" or "1h30m"`},
		{"negative duration", "[[people]]\nwait = \"-1s\"\n", `x.toml:2: people[0].wait: "-1s" is no length`},
		{"kind of text", "[[people]]\nwait = 30\n", "x.toml:2: people[0].wait: must be a string, is an integer"},
		{"kind of string", "title = 1\n", "x.toml:1: title: must be a string, is an integer"},
		{"kind of int", "port = \"22\"\n", "x.toml:1: port: must be an integer, is a string"},
		{"kind of float", "ratio = true\n", "x.toml:1: ratio: must be a number, is true or false"},
		{"kind of bool", "on = 1979-05-27\n", "x.toml:1: on: must be true or false, is a date"},
		{"kind of list", "hosts = \"a\"\n", "x.toml:1: hosts: must be a list, is a string"},
		{"kind of element", "hosts = [\n \"a\",\n 2,\n]\n", "x.toml:3: hosts[1]: must be a string, is an integer"},
		{"kind of table", "people = [1]\n", "x.toml:1: people[0]: must be a table, is an integer"},
		{"kind of map", "[[labels]]\na = \"b\"\n", "x.toml:1: labels: must be a table, is a list of tables"},
		{"integer too large", "port = 9223372036854775808\n", "x.toml:1: "},
		{"two at once", "prot = 1\n[labels]\na = 1\n",
			"x.toml:1: prot: unknown key (did you mean \"port\"?)\nx.toml:3: labels.a: must be a string, is an integer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode("x.toml", []byte(tt.src), new(shape))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestReadWithoutFile(t *testing.T) {
	_, err := Read("/nonexistent/x.toml", new(shape))
	if want := "cannot read /nonexistent/x.toml: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestLines numbers the lines of files by a comment that names what is there.
func TestLines(t *testing.T) {
	for _, src := range []string{
		"a = 1 # a\nb.c = 2 # b, b.c\n",
		"\ufeffa = 1 # a\r\nb = 2 # b\r\n",
		"[t] # t\nx = 'it # s' # t.x\n[t.u.v] # t.u, t.u.v\n",
		"[t.u] # t.u\n[t] # t\n",
		"[[t]] # t, t[0]\nx = 1 # t[0].x\n[[t]] # t[1]\nx = 1 # t[1].x\n[t.u] # t[1].u\n[[t.v]] # t[1].v, t[1].v[0]\n[[t.v]] # t[1].v[1]\n",
		"a = [\n\"x\", # a[0]\n '#', # a[1]\n { k = 1 }, # a[2], a[2].k\n [ 1,\n 2 ] # a[3][1]\n]\nb = 1 # b\n",
		"a = \"\"\"\nx = 1\n\\\"\"\"\"\"\"\nb = 1 # b\n",
		"a = '''\nx = ''''\nb = 1 # b\nc = '' # c\n",
		`"a b"."c.d" = "\"" # "a b"."c.d"` + "\n\"\\u0061\" = 1 # a\n",
		"a = 2020-01-01 10:00:00 # a\nb = { x = 1, y = [1, 2] } # b, b.x, b.y, b.y[1]\n",
	} {
		lines := map[string]int{}
		for id, line := range keyLines(src) {
			lines[Key(strings.Split(id, "\x00")).String()] = line
		}
		for n, text := range strings.Split(src, "\n") {
			_, names, ok := cutLast(strings.TrimSpace(text), " # ")
			if !ok {
				continue
			}
			for name := range strings.SplitSeq(names, ", ") {
				if lines[name] != n+1 {
					t.Errorf("%s stands on line %d, want %d, in\n%s", name, lines[name], n+1, src)
				}
			}
		}
	}
}

func TestLineOfWhatIsNotThere(t *testing.T) {
	file, err := Decode("x.toml", []byte("\n[groups.web]\nname = \"x\"\n"), new(shape))
	if err != nil {
		t.Fatal(err)
	}
	if got := file.Errorf(Key{"groups", "web", "wait"}, "missing").Error(); got != "x.toml:2: groups.web.wait: missing" {
		t.Errorf("got %s", got)
	}
	if got := file.Errorf(Key{"title"}, "missing").Error(); got != "x.toml:1: title: missing" {
		t.Errorf("got %s", got)
	}
}

func TestKeyString(t *testing.T) {
	for _, tt := range []struct {
		key  Key
		want string
	}{
		{Key{"a", "b"}, "a.b"},
		{Key{"hosts", "web.example.com", "port"}, `hosts."web.example.com".port`},
		{Key{"a", Index(3), "b"}, "a[3].b"},
	} {
		if got := tt.key.String(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// FuzzDecode holds that whatever the library accepts has a line for each key,
// in the order of the file, and that nothing else panics.
func FuzzDecode(f *testing.F) {
	for _, src := range []string{
		"a = 1\n[b]\nc = [1, {d = 2}]\n[[e]]\n[[e]]\nf.g = '''\n'''\n",
		"a = \"\"\"\"\"\"\"\"\nb = 'c'\n", "\"\\u00e9\\t\" = 0", "[a.b]\n[a]\n", "a = [[[[", "x = {\n a = 1,\n}\n", "\"", "[[a", "a = \"\\",
	} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		lines := keyLines(string(src))
		var whole map[string]any
		file, err := Decode("x.toml", src, &whole)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for id := range lines {
			seen[withoutIndices(id)] = true
		}
		for _, key := range file.keys {
			if !seen[withoutIndices(Key(key).id())] {
				t.Errorf("no line for %s of %v in\n%s", key, lines, src)
			}
		}
	})
}

func withoutIndices(id string) string {
	parts := slices.DeleteFunc(strings.Split(id, "\x00"), func(p string) bool { return strings.HasPrefix(p, "[") })
	return strings.Join(parts, "\x00")
}

func TestConcurrentLines(t *testing.T) {
	file, err := Decode("x.toml", []byte("a = 1\nb = 2\n"), new(map[string]any))
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	for range 2 {
		go func() { got <- fmt.Sprint(file.Line("a"), file.Line("b")) }()
	}
	if diff := cmp.Diff([]string{"1 2", "1 2"}, []string{<-got, <-got}); diff != "" {
		t.Error(diff)
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func TestPath(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	file, err := Decode("/etc/aptfleet/x.toml", nil, new(shape))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, want string }{
		{"", ""}, {"/a", "/a"}, {"~/.ssh/id", "/home/ada/.ssh/id"}, {"key", "/etc/aptfleet/key"}, {"../key", "/etc/key"},
	} {
		if got := file.Path(tt.path); got != tt.want {
			t.Errorf("Path(%q) = %q, want %q", tt.path, got, tt.want)
		}
	}
}

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Size
		as   string // "" is no size
	}{
		{"1GiB", 1 << 30, "1GiB"}, {"1.5GB", 1_500_000_000, "1500000000B"}, {"0B", 0, "0B"}, {"2048KiB", 2 << 20, "2MiB"},
		{"10kB", 10_000, "10000B"}, {"0.5KiB", 512, "512B"}, {"1024TiB", 1 << 50, "1024TiB"},
		{text: "1"}, {text: "GiB"}, {text: "-1B"}, {text: "1 GB"}, {text: "1KB"}, {text: "1e3B"}, {text: "9999999TiB"}, {text: "."}, {text: "NaNB"}, {text: ""},
	} {
		var got Size
		if err := got.UnmarshalText([]byte(tt.text)); got != tt.want || (err == nil) != (tt.as != "") || err == nil && got.String() != tt.as {
			t.Errorf("%q is read as %s, %v", tt.text, got, err)
		}
	}
}
