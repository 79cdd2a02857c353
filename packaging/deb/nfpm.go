package deb

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// nfpmFile is what an nfpm.yaml says (https://nfpm.goreleaser.com/configuration/,
// of v2.48). Blocks of formats that are not Debian's are there to be known keys.
type nfpmFile struct {
	Name            string   `yaml:"name"`
	Arch            string   `yaml:"arch"`
	Platform        string   `yaml:"platform"`
	Epoch           verbatim `yaml:"epoch"`
	Version         verbatim `yaml:"version"`
	VersionSchema   string   `yaml:"version_schema"`
	VersionMetadata verbatim `yaml:"version_metadata"`
	Prerelease      verbatim `yaml:"prerelease"`
	Release         verbatim `yaml:"release"`
	Section         string   `yaml:"section"`
	Priority        string   `yaml:"priority"`
	Maintainer      string   `yaml:"maintainer"`
	Description     string   `yaml:"description"`
	Homepage        string   `yaml:"homepage"`
	Vendor          string   `yaml:"vendor"`  // not in a .deb; nfpm leaves it out, too
	License         string   `yaml:"license"` // likewise
	Changelog       string   `yaml:"changelog"`
	DisableGlobbing bool     `yaml:"disable_globbing"`
	Umask           any      `yaml:"umask"` // modes are normalised, so it has no effect
	MTime           string   `yaml:"mtime"`

	Shared    nfpmContents            `yaml:",inline"`
	Overrides map[string]nfpmContents `yaml:"overrides"`

	APK       any `yaml:"apk"`
	ArchLinux any `yaml:"archlinux"`
	IPK       any `yaml:"ipk"`
	MSIX      any `yaml:"msix"`
}

// verbatim is a text that need not be quoted to stay as it is written: the
// version 1.10 is not the number 1.1.
type verbatim string

// UnmarshalYAML takes any scalar.
func (v *verbatim) UnmarshalYAML(node ast.Node) error {
	switch n := node.(type) {
	case *ast.StringNode:
		*v = verbatim(n.Value)
	case *ast.IntegerNode, *ast.FloatNode:
		*v = verbatim(n.GetToken().Value)
	case *ast.NullNode:
	default:
		return fmt.Errorf("line %d: it is no text", node.GetToken().Position.Line)
	}
	return nil
}

// nfpmContents is what may stand in overrides, too.
type nfpmContents struct {
	Replaces   []string      `yaml:"replaces"`
	Provides   []string      `yaml:"provides"`
	Depends    []string      `yaml:"depends"`
	Recommends []string      `yaml:"recommends"`
	Suggests   []string      `yaml:"suggests"`
	Conflicts  []string      `yaml:"conflicts"`
	Contents   []nfpmContent `yaml:"contents"`
	Scripts    nfpmScripts   `yaml:"scripts"`
	Deb        nfpmDeb       `yaml:"deb"`
	RPM        any           `yaml:"rpm"`
}

type nfpmScripts struct {
	PreInstall  string `yaml:"preinstall"`
	PostInstall string `yaml:"postinstall"`
	PreRemove   string `yaml:"preremove"`
	PostRemove  string `yaml:"postremove"`
}

type nfpmContent struct {
	Src      string       `yaml:"src"`
	Dst      string       `yaml:"dst"`
	Type     string       `yaml:"type"`
	Packager string       `yaml:"packager"`
	Expand   bool         `yaml:"expand"`
	FileInfo nfpmFileInfo `yaml:"file_info"`
}

type nfpmFileInfo struct {
	Owner string   `yaml:"owner"`
	Group string   `yaml:"group"`
	Mode  verbatim `yaml:"mode"`
	MTime string   `yaml:"mtime"`
}

type nfpmDeb struct {
	Arch        string            `yaml:"arch"`
	ArchVariant string            `yaml:"arch_variant"`
	Predepends  []string          `yaml:"predepends"`
	Breaks      []string          `yaml:"breaks"`
	Compression string            `yaml:"compression"`
	Fields      map[string]string `yaml:"fields"`
	Triggers    nfpmTriggers      `yaml:"triggers"`
	Scripts     struct {
		Rules     string `yaml:"rules"`
		Templates string `yaml:"templates"`
		Config    string `yaml:"config"`
	} `yaml:"scripts"`
	Signature any `yaml:"signature"`
}

type nfpmTriggers struct {
	Interest        []string `yaml:"interest"`
	InterestAwait   []string `yaml:"interest_await"`
	InterestNoAwait []string `yaml:"interest_noawait"`
	Activate        []string `yaml:"activate"`
	ActivateAwait   []string `yaml:"activate_await"`
	ActivateNoAwait []string `yaml:"activate_noawait"`
}

// parseNfpm reads an nfpm.yaml as a recipe. Keys that nfpm has and a recipe
// cannot honour are errors that say so. lookup is os.LookupEnv: as in nfpm,
// ${…} stand for variables of the environment; one that is not set is an error.
func parseNfpm(name string, data []byte, lookup func(string) (string, bool)) (*Recipe, error) {
	var f nfpmFile
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %s", name, firstLine(err))
	}
	if deb, ok := f.Overrides["deb"]; ok {
		f.override(deb)
	}
	env := environment{lookup: lookup}
	f.expand(&env)
	r := f.recipe()
	r.where = yamlWhere(name, data)
	errs := []error{f.refused(r), f.addContents(r, &env)}
	for _, variable := range env.missing {
		errs = append(errs, fmt.Errorf("%s: variable %s of the environment is not set", name, variable))
	}
	return r, errors.Join(errs...)
}

// firstLine leaves out the excerpt that the YAML library puts below its message.
func firstLine(err error) string {
	line, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
	return line
}

// environment replaces variables, and remembers those that are not set.
type environment struct {
	lookup  func(string) (string, bool)
	missing []string
}

func (e *environment) expand(s string) string {
	return os.Expand(s, func(name string) string {
		value, ok := e.lookup(name)
		if !ok {
			e.missing = append(e.missing, name)
		}
		return value
	})
}

// expand replaces the variables where nfpm does.
func (f *nfpmFile) expand(env *environment) {
	for _, s := range []*string{
		&f.Name, &f.Arch, &f.Platform, (*string)(&f.Epoch), (*string)(&f.Version), (*string)(&f.VersionMetadata),
		(*string)(&f.Prerelease), (*string)(&f.Release),
		&f.Maintainer, &f.Description, &f.Homepage, &f.MTime, &f.Shared.Deb.Arch,
	} {
		*s = env.expand(*s)
	}
	for _, list := range [][]string{f.Shared.Replaces, f.Shared.Provides, f.Shared.Depends, f.Shared.Recommends, f.Shared.Suggests, f.Shared.Conflicts, f.Shared.Deb.Predepends, f.Shared.Deb.Breaks} {
		for i := range list {
			list[i] = env.expand(list[i])
		}
	}
	for name := range f.Shared.Deb.Fields {
		f.Shared.Deb.Fields[name] = env.expand(f.Shared.Deb.Fields[name])
	}
	// As in nfpm, a field whose variable is empty is not written.
	maps.DeleteFunc(f.Shared.Deb.Fields, func(_, value string) bool { return value == "" })
}

// override replaces what the block for Debian gives.
func (f *nfpmFile) override(deb nfpmContents) {
	for _, list := range []struct{ to, from *[]string }{
		{&f.Shared.Replaces, &deb.Replaces}, {&f.Shared.Provides, &deb.Provides}, {&f.Shared.Depends, &deb.Depends},
		{&f.Shared.Recommends, &deb.Recommends}, {&f.Shared.Suggests, &deb.Suggests}, {&f.Shared.Conflicts, &deb.Conflicts},
	} {
		if *list.from != nil {
			*list.to = *list.from
		}
	}
	if deb.Contents != nil {
		f.Shared.Contents = deb.Contents
	}
	for _, script := range []struct{ to, from *string }{
		{&f.Shared.Scripts.PreInstall, &deb.Scripts.PreInstall}, {&f.Shared.Scripts.PostInstall, &deb.Scripts.PostInstall},
		{&f.Shared.Scripts.PreRemove, &deb.Scripts.PreRemove}, {&f.Shared.Scripts.PostRemove, &deb.Scripts.PostRemove},
	} {
		if *script.from != "" {
			*script.to = *script.from
		}
	}
	f.Shared.Deb.override(deb.Deb)
}

// override replaces what the same block within the overrides gives.
func (d *nfpmDeb) override(with nfpmDeb) {
	for _, text := range []struct{ to, from *string }{
		{&d.Arch, &with.Arch}, {&d.ArchVariant, &with.ArchVariant}, {&d.Compression, &with.Compression},
		{&d.Scripts.Rules, &with.Scripts.Rules}, {&d.Scripts.Templates, &with.Scripts.Templates}, {&d.Scripts.Config, &with.Scripts.Config},
	} {
		*text.to = or(*text.from, *text.to)
	}
	mine, theirs := &d.Triggers, &with.Triggers
	for _, list := range []struct{ to, from *[]string }{
		{&d.Predepends, &with.Predepends}, {&d.Breaks, &with.Breaks},
		{&mine.Interest, &theirs.Interest}, {&mine.InterestAwait, &theirs.InterestAwait}, {&mine.InterestNoAwait, &theirs.InterestNoAwait},
		{&mine.Activate, &theirs.Activate}, {&mine.ActivateAwait, &theirs.ActivateAwait}, {&mine.ActivateNoAwait, &theirs.ActivateNoAwait},
	} {
		if *list.from != nil {
			*list.to = *list.from
		}
	}
	if d.Fields == nil {
		d.Fields = with.Fields
	} else {
		maps.Copy(d.Fields, with.Fields)
	}
	if with.Signature != nil {
		d.Signature = with.Signature
	}
}

// recipe returns all but the contents.
func (f *nfpmFile) recipe() *Recipe {
	return &Recipe{
		Name: f.Name, Version: f.debianVersion(), Architecture: debianArchitecture(or(f.Shared.Deb.Arch, f.Arch)),
		Maintainer: f.Maintainer, Section: f.Section, Priority: f.Priority, Homepage: f.Homepage, Description: f.Description,
		PreDepends: f.Shared.Deb.Predepends, Depends: f.Shared.Depends, Recommends: f.Shared.Recommends, Suggests: f.Shared.Suggests,
		Breaks: f.Shared.Deb.Breaks, Conflicts: f.Shared.Conflicts, Replaces: f.Shared.Replaces, Provides: f.Shared.Provides,
		Fields: f.Shared.Deb.Fields, Triggers: f.Shared.Deb.Triggers.lines(),
		Scripts: Scripts{
			PreInst: f.Shared.Scripts.PreInstall, PostInst: f.Shared.Scripts.PostInstall, PreRm: f.Shared.Scripts.PreRemove, PostRm: f.Shared.Scripts.PostRemove,
			Config: f.Shared.Deb.Scripts.Config, Templates: f.Shared.Deb.Scripts.Templates,
		},
		Compression: Compression(or(f.Shared.Deb.Compression, string(Gzip))), // nfpm's default
	}
}

var semanticVersion = lazyregexp.New(`^v?(\d+(?:\.\d+){0,2})-([0-9A-Za-z.-]+?)(\+[0-9A-Za-z.-]+)?$`)

// debianVersion puts the version together as nfpm does, with "~" before a
// pre-release, so that it is older than the release. It stays as it is written
// otherwise: nfpm makes 1.0.0 of 1.0.
func (f *nfpmFile) debianVersion() string {
	version := string(f.Version)
	if f.VersionSchema != "none" {
		if m := semanticVersion().FindStringSubmatch(version); m != nil && f.Prerelease == "" {
			version = m[1] + "~" + m[2] + m[3]
		}
		if len(version) > 1 && version[0] == 'v' && version[1] >= '0' && version[1] <= '9' {
			version = version[1:]
		}
	}
	for _, part := range []struct {
		sep  string
		text verbatim
	}{{"~", f.Prerelease}, {"+", f.VersionMetadata}, {"-", f.Release}} {
		if part.text != "" {
			version += part.sep + string(part.text)
		}
	}
	if f.Epoch != "" {
		version = string(f.Epoch) + ":" + version
	}
	return version
}

// lines returns the directives of deb-triggers(5).
func (t nfpmTriggers) lines() []string {
	var lines []string
	for _, directive := range []struct {
		name  string
		names []string
	}{
		{"interest", t.Interest}, {"interest-await", t.InterestAwait}, {"interest-noawait", t.InterestNoAwait},
		{"activate", t.Activate}, {"activate-await", t.ActivateAwait}, {"activate-noawait", t.ActivateNoAwait},
	} {
		for _, name := range directive.names {
			lines = append(lines, directive.name+" "+name)
		}
	}
	return lines
}

// refused says which keys are set that a recipe cannot honour.
func (f *nfpmFile) refused(r *Recipe) error {
	var errs []error
	refuse := func(set bool, why string, key ...string) {
		if set {
			errs = append(errs, r.errorf(tomlfile.Key(key), "%s", why))
		}
	}
	refuse(f.Platform != "" && f.Platform != "linux", "only linux is possible", "platform")
	refuse(f.Changelog != "", "a changelog in the form of chglog cannot be used; a recipe in TOML takes one in Debian's form", "changelog")
	refuse(f.MTime != "", "cannot be used; set SOURCE_DATE_EPOCH", "mtime")
	refuse(f.Shared.Deb.Signature != nil, "packages are not signed one by one: the repository is", "deb", "signature")
	refuse(f.Shared.Deb.Scripts.Rules != "", "cannot be used: rules belong to source packages", "deb", "scripts", "rules")
	refuse(f.Shared.Deb.ArchVariant != "", "cannot be used", "deb", "arch_variant")
	refuse(oneOf(f.VersionSchema, "", "semver", "none") != nil, "must be semver or none", "version_schema")
	return errors.Join(errs...)
}
