package probe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDpkg follows dpkg through an installation, by the files that it leaves.
func TestDpkg(t *testing.T) {
	dir := t.TempDir()
	d := &Dpkg{Dir: dir}
	if _, err := d.Audit(); err == nil || !strings.Contains(err.Error(), "cannot read what dpkg has on record: ") {
		t.Errorf("without a record Audit returned %v", err)
	}
	status, update := filepath.Join(dir, "status"), filepath.Join(dir, "updates", "0001")
	if err := os.Mkdir(filepath.Dir(update), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		change   func()
		versions map[string]string
		audit    string
	}{
		{"installed", func() { write(t, status, stanza("shop", "install ok installed", "1.0")) }, map[string]string{"shop": "1.0"}, ""},
		{"begun", func() { write(t, update, stanza("shop", "install reinstreq half-installed", "1.0")) }, map[string]string{},
			"shop 1.0 is half-installed (reinstreq)\nit was interrupted"},
		{"being written", func() { write(t, filepath.Join(dir, "updates", "tmp.i"), "Package: shop\nSta") }, map[string]string{},
			"shop 1.0 is half-installed (reinstreq)\nit was interrupted"},
		{"unpacked", func() {
			write(t, status+"-new", stanza("shop", "install ok unpacked", "1.1"))
			for _, name := range []string{update, filepath.Join(dir, "updates", "tmp.i")} {
				if err := os.Remove(name); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Rename(status+"-new", status); err != nil {
				t.Fatal(err)
			}
		}, map[string]string{}, "shop 1.1 is unpacked"},
		{"done", func() { write(t, status, stanza("shop", "install ok installed", "1.1")) }, map[string]string{"shop": "1.1"}, ""},
	} {
		before := d.Stamp()
		tt.change()
		versions, err := d.Versions([]string{"shop", "none"})
		if diff := cmp.Diff(tt.versions, versions); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
		if audit, err := d.Audit(); audit != tt.audit || err != nil {
			t.Errorf("%s: the audit is %q, %v", tt.name, audit, err)
		}
		if d.Stamp() == before {
			t.Errorf("%s: the stamp did not change", tt.name)
		}
	}
}

// TestDpkgIsReadOnce has a file that nobody may read a second time.
func TestDpkgIsReadOnce(t *testing.T) {
	d := newHost(t).Dpkg
	for range 2 {
		if v, err := d.Versions([]string{"shop"}); err != nil || v["shop"] != "1.2-1" {
			t.Fatalf("Versions returned %v, %v", v, err)
		}
	}
	first, _, _ := d.read()
	if second, _, err := d.read(); second != first || err != nil {
		t.Errorf("what did not change was read again: %v", err)
	}
	write(t, filepath.Join(d.Dir, "status"), "Package: shop\n broken")
	if _, err := d.Versions([]string{"shop"}); err == nil || !strings.Contains(err.Error(), "status") {
		t.Errorf("a broken record is read as %v", err)
	}
}
