package deb

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/pkg/debian"
)

// TestRecipeRefuses changes one thing in a good recipe, and wants an error that
// names it, with file and line where it is in the file.
func TestRecipeRefuses(t *testing.T) {
	for _, tt := range []struct{ old, replacement, want string }{
		{"name = \"shop\"", "nmae = \"shop\"", "nmae: unknown key"},
		{"src = \"share\"", "source = \"share\"", "files[1].source: unknown key"},
		{"\"shop\"", "\"Shop\"", "shop.toml:2: name: "},
		{"1:1.0-1", "1.0_1", "shop.toml:3: version: "},
		{"\"all\"", "\"any\"", "shop.toml:4: architecture: "},
		{"A <a@example.com>", "A", "maintainer: "},
		{"A <a@example.com>", "A <a@example.com>\\nEssential: yes", "maintainer: "},
		{"contrib/web", "Web", "section: "},
		{"contrib/web", "contrib/", "section: "},
		{"https://example.com/", "example.com", "homepage: "},
		{"a shop\nSells", "\nSells", ""}, // empty lines before the synopsis count for nothing
		{"a shop\nSells", "a shop\nSe\\u0000lls", "description: "},
		{"conflicts = [\"shop1 (<< 2)\"]", "conflicts = [\"a1 | b2\"]", "shop.toml:14: conflicts: "},
		{"\"adduser\"", "\"adduser\\nEssential: yes\"", "depends: "},
		{"x (= 1)", "x\\nEssential: yes", "fields: "},
		{"Built-Using", "package", "fields: field package cannot be set"},
		{"activate-noawait shop-changed", "activate-noawait", "triggers: "},
		{"activate-noawait shop-changed", "interest a\\ninterest b", "triggers: "},
		{"copyright = \"copyright\"", "copyright = \"nothing\"", "shop.toml:16: copyright: cannot read "},
		{"changelog = \"changelog\"", "changelog = \"copyright\"", "shop.toml:15: changelog: cannot use copyright: line 1"},
		{"src = \"bin/*\"", "src = \"nothing\"", "shop.toml:24: files[0].src: cannot read "},
		{"src = \"bin/*\"", "src = \"nothing/*\"", "files[0].src: cannot match "},
		{"src = \"bin/*\"", "src = \"**/x\"", "files[0].src: cannot match "},
		{"src = \"bin/*\"", "src = \"[\"", "files[0].src: cannot match "},
		{"src = \"bin/*\"", "", "files[0].src: it is missing"},
		{"\"/usr/bin/\"", "\"usr/bin/\"", "files[0].dst: path \"usr/bin/\" is not absolute"},
		{"\"/usr/bin/\"", "\"/usr/../../bin/\"", "leaves its folder"},
		{"\"/usr/bin/\"", "\"/usr/b\\nin/\"", "control characters"},
		{"\"/usr/bin/\"", "\"/etc/shop/shop.conf/\"", "is there twice"},
		{"/etc/shop/example.conf", "/etc/shop/shop.conf", "is there twice"},
		{"\"0640\"", "\"rw\"", "files[2].mode: \"rw\" is no mode"},
		{"\"www-data\"", "\"www data\"", "files[2].owner: "},
		{"/var/lib/shop", "var/lib", "dirs[0]: "},
		{"/usr/bin/shop2", "/usr/bin/shop", "links[0]: /usr/bin/shop is there twice"},
		{"/usr/bin/shop2", "/usr/bin/shop/x", "below /usr/bin/shop, which is no folder"},
		{"shop.service", "nothing.service", "units[0]: cannot read"},
		{"src = \"shop.service\"", "src = \"shop.service\"\nname = \"shop\"", "units[0]: \"shop\" is not the name"},
		{"src = \"shop.service\"", "src = \"shop.service\"\nrestart = \"maybe\"", "units[0]: restart: "},
		{"postinst = \"postinst\"", "postinst = \"shop.conf\"", "scripts.postinst: cannot use shop.conf: it does not begin with \"#!\""},
		{"postinst = \"postinst\"", "postinst = \"bin/shop\"", "#DEBHELPER#"},
	} {
		if !strings.Contains(testRecipe, tt.old) {
			t.Errorf("the recipe does not contain %q", tt.old)
		}
		dir := t.TempDir()
		r, err := LoadRecipe(writeRecipe(t, strings.Replace(testRecipe, tt.old, tt.replacement, 1)))
		if err == nil {
			_, err = r.Build(t.Context(), dir)
		}
		checkError(t, tt.replacement, err, tt.want)
		if entries, _ := os.ReadDir(dir); tt.want != "" && len(entries) > 0 {
			t.Errorf("%s: the folder has %v", tt.replacement, entries)
		}
	}
}

// TestRecipeReportsAllErrors wants one line for each of several faults.
func TestRecipeReportsAllErrors(t *testing.T) {
	text := strings.NewReplacer("\"bin/*\"", "\"nothing\"", "\"share\"", "\"neither\"", "shop.service", "nor.service").Replace(testRecipe)
	r, err := LoadRecipe(writeRecipe(t, text))
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Build(t.Context(), t.TempDir())
	for _, want := range []string{"files[0].src: ", "files[1].src: ", "units[0]: "} {
		checkError(t, "three faults", err, want)
	}
}

func TestRecipeMadeInGo(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.txt"), "a")
	r := &Recipe{
		Name: "shop", Version: "1.0", Maintainer: "A <a@example.com>", Description: "a shop",
		Files: []File{{Src: filepath.Join(dir, "a.txt"), Dst: "/srv/${NAME}/${VERSION}.txt"}},
	}
	path, err := r.Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := readFile(path, Verify)
	if err != nil || c.FileName() != filepath.Base(path) {
		t.Errorf("%s was read as %s, %v", path, c.FileName(), err)
	}
	r.Files[0].Src = "nothing"
	_, err = r.Build(t.Context(), dir)
	checkError(t, "a missing file", err, "recipe: files[0].src: cannot read nothing: no such file")
}

func TestDestinations(t *testing.T) {
	for _, tt := range []struct{ src, dst, want string }{
		{"shop.conf", "/x", "x"},
		{"shop.conf", "/x/", "x x/shop.conf"},
		{"share", "/x", "x x/b x/goods x/goods/a x/goods/empty x/goods/link"},
		{"share/*", "/x", "x x/b x/goods x/goods/a x/goods/empty x/goods/link"},
		{"sh*/b", "/x", "x x/share x/share/b"},
		{"s*/goods/[a]", "/x/", "x x/share x/share/goods x/share/goods/a"},
	} {
		r, err := parseRecipe("shop.toml", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.dir = filepath.Dir(writeRecipe(t, ""))
		r.Files = []File{{Src: tt.src, Dst: tt.dst}}
		tr, err := r.contents()
		if err != nil {
			t.Errorf("%s to %s: %v", tt.src, tt.dst, err)
		}
		var got []string
		for path := range tr {
			if path != "" {
				got = append(got, path)
			}
		}
		if joined := strings.Join(slices.Sorted(slices.Values(got)), " "); joined != tt.want {
			t.Errorf("%s to %s: got %q, want %q", tt.src, tt.dst, joined, tt.want)
		}
	}
}

// FuzzRecipe holds that a recipe that is valid makes a control file that is.
func FuzzRecipe(f *testing.F) {
	f.Add([]byte(testRecipe))
	f.Add([]byte("name = 'a1'\nversion = '1'\nmaintainer = 'A <a@b>'\ndescription = \"x\\n\\n.\\n\\ty\"\nfields = { A = \"x\\n y\" }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := parseRecipe("x.toml", data); err == nil {
			checkRecipe(t, r)
		}
	})
}

// checkRecipe wants a recipe that passes Validate to have a control file of the
// same name and version, with no field that it does not set.
func checkRecipe(t *testing.T, r *Recipe) {
	if r.Validate() != nil {
		return
	}
	s, err := r.stanza(1)
	if err != nil {
		t.Fatalf("a valid recipe has no control file: %v", err)
	}
	c, err := parseControl(s.Bytes())
	if err != nil || c.Name != r.Name || c.Version != r.Version {
		t.Errorf("%q was read as %q %q: %v", s.Bytes(), c.Name, c.Version, err)
	}
	known := r.control(1)
	for _, field := range s.Fields() {
		_, ours := lookup(known, field.Name)
		_, given := r.Fields[field.Name]
		if !ours && !given {
			t.Errorf("field %s came from nowhere: %q", field.Name, s.Bytes())
		}
	}
	if _, err := debian.ParseStanza(s.Bytes()); err != nil {
		t.Error(err)
	}
}
