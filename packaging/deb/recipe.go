package deb

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// Recipe says what a package is and holds. Paths of sources are relative to the
// folder of the recipe's file, or to the working directory for a Recipe made in
// Go. In src, dst and relations ${NAME}, ${VERSION} and ${ARCHITECTURE} stand
// for the package's own.
//
// Fields may be changed before Build, as `aptfleet build --version` does with
// Version; Build checks them all. A Recipe must not be changed while Build runs.
type Recipe struct {
	Name         string `toml:"name"`
	Version      string `toml:"version"`
	Architecture string `toml:"architecture"` // "" is this machine's; "all" for any
	Maintainer   string `toml:"maintainer"`   // "Name <mail@example.com>"
	Section      string `toml:"section"`      // "" is misc
	Priority     string `toml:"priority"`     // "" is optional
	Homepage     string `toml:"homepage"`
	Description  string `toml:"description"` // the first line is the synopsis
	MultiArch    string `toml:"multi_arch"`  // "foreign", "same", "allowed" or ""

	PreDepends []string `toml:"pre_depends"`
	Depends    []string `toml:"depends"`
	Recommends []string `toml:"recommends"`
	Suggests   []string `toml:"suggests"`
	Enhances   []string `toml:"enhances"`
	Breaks     []string `toml:"breaks"`
	Conflicts  []string `toml:"conflicts"`
	Replaces   []string `toml:"replaces"`
	Provides   []string `toml:"provides"`

	Fields map[string]string `toml:"fields"` // further control fields, such as Built-Using

	Changelog        string   `toml:"changelog"` // a file in the form of debian/changelog
	Copyright        string   `toml:"copyright"`
	LintianOverrides string   `toml:"lintian_overrides"`
	Triggers         []string `toml:"triggers"` // lines of deb-triggers(5)
	Scripts          Scripts  `toml:"scripts"`

	Files []File `toml:"files"`
	Dirs  []Dir  `toml:"dirs"`
	Links []Link `toml:"links"`
	Units []Unit `toml:"units"`

	Compression Compression `toml:"compression"` // of the data; "" is zstd

	dir   string // of the recipe's file
	where func(key tomlfile.Key, format string, args ...any) error
}

// Scripts are files run by dpkg, or by debconf. Where the recipe has units, the
// scripts that these need and that are given here must be of a shell, with a
// line #DEBHELPER# where the commands for the units go.
type Scripts struct {
	PreInst   string `toml:"preinst"`
	PostInst  string `toml:"postinst"`
	PreRm     string `toml:"prerm"`
	PostRm    string `toml:"postrm"`
	Config    string `toml:"config"`
	Templates string `toml:"templates"`
}

// File is one file, or all that a pattern or a folder stands for.
type File struct {
	// Src is a file, a folder (everything below it is taken, links as links), or
	// a pattern of filepath.Match.
	Src string `toml:"src"`
	// Dst is absolute. It is a folder where it ends in "/" and where Src is a
	// folder or a pattern; a match goes below it as it lies below the last folder
	// of the pattern without a wildcard.
	Dst string `toml:"dst"`
	// Mode is 0755 for what its owner may execute, else 0644, unless it is set.
	Mode  Mode   `toml:"mode"`
	Owner string `toml:"owner"` // a name or number; "" is root
	Group string `toml:"group"`
	// Config says whether dpkg keeps the administrator's changes. Left out, it
	// does for files in /etc, as debhelper has it.
	Config *bool `toml:"config"`

	literal bool // Src is no pattern, whatever its characters
	key     tomlfile.Key
}

// Dir is a folder, made even if nothing is put there.
type Dir struct {
	Path  string `toml:"path"`
	Mode  Mode   `toml:"mode"` // 0 is 0755
	Owner string `toml:"owner"`
	Group string `toml:"group"`

	key tomlfile.Key
}

// Link is a symbolic link from Path to Target, which is written as it is.
type Link struct {
	Path   string `toml:"path"`
	Target string `toml:"target"`

	key tomlfile.Key
}

// Unit is a systemd unit, installed to /lib/systemd/system. Unless told
// otherwise it is enabled if it has an [Install] section, started at once, and
// restarted after an upgrade.
type Unit struct {
	Src    string `toml:"src"`
	Name   string `toml:"name"` // "" is that of Src
	Enable *bool  `toml:"enable"`
	Start  *bool  `toml:"start"`
	// Restart is "after-upgrade" (as is ""), "around-upgrade" for a unit that must
	// not run while its files are replaced (it is stopped, and then started if it
	// is to be), or "never".
	Restart string `toml:"restart"`

	key tomlfile.Key
}

// Mode is a file's permissions, written as an octal string.
type Mode uint32

// UnmarshalText reads "0644", "4755" or "0o644".
func (m *Mode) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(strings.TrimPrefix(string(text), "0o"), 8, 32)
	if err != nil || n > 0o7777 {
		return fmt.Errorf("%q is no mode such as \"0644\"", text)
	}
	*m = Mode(n)
	return nil
}

// LoadRecipe reads a recipe: an nfpm.yaml where the name ends in .yaml or .yml,
// else TOML. What it names is looked at by Build.
func LoadRecipe(path string) (*Recipe, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read recipe: %w", err)
	}
	var r *Recipe
	switch filepath.Ext(path) {
	case ".yaml", ".yml":
		r, err = parseNfpm(path, data, os.LookupEnv)
	default:
		r, err = parseRecipe(path, data)
	}
	if err != nil {
		return nil, err
	}
	r.dir = filepath.Dir(path)
	return r, nil
}

func parseRecipe(name string, data []byte) (*Recipe, error) {
	r := &Recipe{}
	file, err := tomlfile.Decode(name, data, r)
	if err != nil {
		return nil, err
	}
	r.where = file.Errorf
	for i := range r.Files {
		r.Files[i].key = tomlfile.Key{"files", tomlfile.Index(i)}
	}
	for i := range r.Dirs {
		r.Dirs[i].key = tomlfile.Key{"dirs", tomlfile.Index(i)}
	}
	for i := range r.Links {
		r.Links[i].key = tomlfile.Key{"links", tomlfile.Index(i)}
	}
	for i := range r.Units {
		r.Units[i].key = tomlfile.Key{"units", tomlfile.Index(i)}
	}
	return r, nil
}

// errorf returns an error that names the key, and the file and line where there
// is a file.
func (r *Recipe) errorf(key tomlfile.Key, format string, args ...any) error {
	if r.where != nil {
		return r.where(key, format, args...)
	}
	return fmt.Errorf("recipe: %s: %w", key, fmt.Errorf(format, args...))
}

// architecture returns the package's architecture: by default the one that this
// program was built for, in Debian's words.
func (r *Recipe) architecture() string {
	if r.Architecture != "" {
		return r.Architecture
	}
	return debianArchitecture(runtime.GOARCH)
}

// debianArchitecture translates the names of Go, which nfpm.yaml files use too.
// Names that are Debian's already stay as they are.
func debianArchitecture(goarch string) string {
	names := map[string]string{
		"386": "i386", "arm": "armhf", "arm5": "armel", "arm6": "armhf", "arm7": "armhf",
		"mipsle": "mipsel", "mips64le": "mips64el", "ppc64le": "ppc64el", "loong64": "loong64",
	}
	if name, ok := names[goarch]; ok {
		return name
	}
	return goarch
}

// expand replaces the ${…} of the package's own.
func (r *Recipe) expand(s string) string {
	return strings.NewReplacer("${NAME}", r.Name, "${VERSION}", r.Version, "${ARCHITECTURE}", r.architecture()).Replace(s)
}

// source returns the path of a source on disk.
func (r *Recipe) source(src string) string {
	src = r.expand(src)
	if filepath.IsAbs(src) {
		return src
	}
	return filepath.Join(r.dir, src)
}
