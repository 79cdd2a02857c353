package deb

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const testNfpm = `name: shop
arch: amd64
version: ${VERSION}
release: 2
epoch: 1
section: web
maintainer: A <a@example.com>
vendor: Example
license: MIT
homepage: https://example.com/
description: |
  a shop
  Sells things.
depends:
  - adduser
  - shop-data (= 1) | shop-goods
contents:
  - src: bin/*
    dst: /usr/bin/
  - src: shop.conf
    dst: /etc/shop/shop.conf
    type: config|noreplace
    file_info: { mode: 0640, owner: www-data }
  - src: share
    dst: usr/share/shop
    type: tree
  - dst: /var/lib/shop
    type: dir
    file_info:
      mode: 0o750
  - src: shop
    dst: /usr/bin/shop2
    type: symlink
  - src: shop.spec
    dst: /x
    packager: rpm
scripts:
  postinstall: postinst
overrides:
  deb:
    depends: [base-files]
  rpm:
    depends: [other]
rpm:
  group: Unspecified
deb:
  predepends: [dpkg]
  compression: xz
  triggers:
    activate_noawait: [ldconfig]
  fields:
    Bugs: https://example.com/bugs
`

func testEnvironment(name string) (string, bool) {
	value, ok := map[string]string{"VERSION": "v1.2.0-rc.1"}[name]
	return value, ok
}

func TestParseNfpm(t *testing.T) {
	r, err := parseNfpm("nfpm.yaml", []byte(testNfpm), testEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	want := &Recipe{
		Name: "shop", Version: "1:1.2.0~rc.1-2", Architecture: "amd64", Maintainer: "A <a@example.com>", Section: "web",
		Homepage: "https://example.com/", Description: "a shop\nSells things.\n", Depends: []string{"base-files"}, PreDepends: []string{"dpkg"},
		Fields: map[string]string{"Bugs": "https://example.com/bugs"}, Triggers: []string{"activate-noawait ldconfig"},
		Scripts: Scripts{PostInst: "postinst"}, Compression: Xz,
		Files: []File{
			{Src: "bin/*", Dst: "/usr/bin/", Config: &no},
			{Src: "shop.conf", Dst: "/etc/shop/shop.conf", Config: &yes, Mode: 0o640, Owner: "www-data"},
			{Src: "share", Dst: "/usr/share/shop", Config: &no},
		},
		Dirs:  []Dir{{Path: "/var/lib/shop", Mode: 0o750}},
		Links: []Link{{Path: "/usr/bin/shop2", Target: "shop"}},
	}
	if diff := cmp.Diff(want, r, cmpopts.IgnoreUnexported(Recipe{}, File{}, Dir{}, Link{})); diff != "" {
		t.Errorf("the recipe (-want +got):\n%s", diff)
	}
}

func TestNfpmVersions(t *testing.T) {
	for _, tt := range []struct{ yaml, want string }{
		{"version: 1.0", "1.0"}, // nfpm makes it 1.0.0
		{"version: 1.10", "1.10"},
		{"version: v1.2.3", "1.2.3"},
		{"version: 1.2.3-beta.1+git5", "1.2.3~beta.1+git5"},
		{"version: 1.2.3\nprerelease: rc1", "1.2.3~rc1"},
		{"version: 1.2.3\nprerelease: rc1\nversion_metadata: git\nrelease: 3\nepoch: 2", "2:1.2.3~rc1+git-3"},
		{"version: 1.2.3-4\nversion_schema: none", "1.2.3-4"},
		{"version: 20261123", "20261123"},
	} {
		r, err := parseNfpm("nfpm.yaml", []byte("name: shop\n"+tt.yaml+"\n"), testEnvironment)
		if err != nil {
			t.Errorf("%q: %v", tt.yaml, err)
		} else if r.Version != tt.want {
			t.Errorf("%q: the version is %q, want %q", tt.yaml, r.Version, tt.want)
		}
	}
}

// TestNfpmOverridesOfDeb has the block for Debian say again what only Debian has.
func TestNfpmOverridesOfDeb(t *testing.T) {
	r, err := parseNfpm("nfpm.yaml", []byte(strings.Replace(testNfpm, "    depends: [base-files]\n", `    depends: [base-files]
    deb:
      compression: zstd
      breaks: [shop-1]
      scripts: { config: debconf }
      triggers: { interest: [/srv] }
      fields: { Origin: "${VERSION}", Empty: "" }
`, 1)), testEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	got := Recipe{PreDepends: r.PreDepends, Breaks: r.Breaks, Compression: r.Compression, Triggers: r.Triggers, Fields: r.Fields, Scripts: r.Scripts}
	want := Recipe{
		PreDepends: []string{"dpkg"}, Breaks: []string{"shop-1"}, Compression: Zstd, Scripts: Scripts{PostInst: "postinst", Config: "debconf"},
		Triggers: []string{"interest /srv", "activate-noawait ldconfig"}, Fields: map[string]string{"Bugs": "https://example.com/bugs", "Origin": "v1.2.0-rc.1"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Recipe{})); diff != "" {
		t.Errorf("the recipe (-want +got):\n%s", diff)
	}
}

func TestNfpmModes(t *testing.T) {
	for _, tt := range []struct {
		mode string
		want Mode
	}{{"0644", 0o644}, {"0o644", 0o644}, {`"0644"`, 0o644}, {"04755", 0o4755}, {"0x1a4", 0o644}, {"0", 0}} {
		r, err := parseNfpm("nfpm.yaml", []byte("contents:\n- dst: /a\n  type: dir\n  file_info:\n    mode: "+tt.mode+"\n"), testEnvironment)
		if err != nil {
			t.Errorf("%s: %v", tt.mode, err)
		} else if r.Dirs[0].Mode != tt.want {
			t.Errorf("%s: the mode is %#o, want %#o", tt.mode, r.Dirs[0].Mode, tt.want)
		}
	}
}

func TestNfpmRefuses(t *testing.T) {
	for _, tt := range []struct{ yaml, want string }{
		{"version: [1]", "line 1: it is no text"},
		{"nmae: x", `unknown field "nmae"`},
		{"contents:\n  - source: x", `unknown field "source"`},
		{"name: [", "nfpm.yaml: "},
		{"name: x\nname: y", "already defined"},
		{"changelog: changelog.yaml", "nfpm.yaml:1: changelog: "},
		{"name: x\nplatform: darwin", "nfpm.yaml:2: platform: only linux"},
		{"mtime: 2026-11-23T12:00:00Z", "SOURCE_DATE_EPOCH"},
		{"deb:\n  signature:\n    key_file: x", "nfpm.yaml:3: deb.signature: "},
		{"deb:\n  scripts:\n    rules: x", "deb.scripts.rules: "},
		{"version: ${NOTHING}", "NOTHING of the environment is not set"},
		{"contents:\n- src: a\n  dst: /a\n- src: x\n  dst: /y\n  type: fifo", "nfpm.yaml:6: contents[1].type: \"fifo\" is not known"},
		{"contents:\n- src: a\n  dst: /a\n  file_info:\n    mtime: now", "contents[0].file_info.mtime: "},
		{"contents:\n- src: a\n  dst: /a\n  file_info:\n    mode: 0999999", "no mode"},
		{"contents:\n- src: a\n  dst: /a\n  file_info:\n    mode: 02000000", "contents[0].file_info.mode: \"02000000\" is no mode"},
		{"contents:\n- src: a\n  dst: /a\n  file_info:\n    mode: 644", "contents[0].file_info.mode: 644 is a decimal number: write 0644"},
		{"contents:\n- src: a\n  dst: /a\n  file_info:\n    mode: rw", "contents[0].file_info.mode: \"rw\" is no mode"},
	} {
		_, err := parseNfpm("nfpm.yaml", []byte(tt.yaml+"\n"), testEnvironment)
		checkError(t, tt.yaml, err, tt.want)
		if err != nil && strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%q: the error has several lines: %v", tt.yaml, err)
		}
	}
}

// TestNfpmErrorsNameTheirKey builds a file whose faults only Build can see.
func TestNfpmErrorsNameTheirKey(t *testing.T) {
	for _, tt := range []struct{ old, replacement, want string }{
		{"src: shop.conf", "src: nothing.conf", "nfpm.yaml:20: contents[1].src: cannot read"},
		{"adduser", "Adduser", ""}, // overridden
		{"[base-files]", "[Base]", "depends: Depends: cannot read relation \"Base\""},
		{": postinst", ": nothing", "nfpm.yaml:38: scripts.postinstall: cannot read"},
		{"arch: amd64", "arch: any", "nfpm.yaml:2: arch: "},
		{"predepends: [dpkg]", "predepends: ['a b']", "deb.predepends: "},
	} {
		path := filepath.Join(filepath.Dir(writeRecipe(t, "")), "nfpm.yaml")
		writeFile(t, path, strings.Replace(strings.Replace(testNfpm, "${VERSION}", "1.0", 1), tt.old, tt.replacement, 1))
		r, err := LoadRecipe(path)
		if err != nil {
			t.Errorf("%s: %v", tt.replacement, err)
			continue
		}
		_, err = r.Build(t.Context(), t.TempDir())
		checkError(t, tt.replacement, err, tt.want)
	}
}

// FuzzNfpm holds that no file makes the reader fail, and that the checks of a
// recipe take whatever it yields.
func FuzzNfpm(f *testing.F) {
	f.Add([]byte(testNfpm))
	f.Add([]byte("name: ${A}\ncontents:\n- {src: a, dst: b, type: dir}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := parseNfpm("nfpm.yaml", data, testEnvironment); err == nil {
			checkRecipe(t, r)
		}
	})
}
