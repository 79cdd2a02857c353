package deb

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// addContents puts the contents into the recipe. Those of other packagers, and
// the kinds that only rpm knows, are left out as nfpm leaves them out of a .deb.
func (f *nfpmFile) addContents(r *Recipe, env *environment) error {
	var errs []error
	for i, c := range f.Shared.Contents {
		if c.Packager != "" && c.Packager != "deb" {
			continue
		}
		if c.Expand {
			c.Src, c.Dst = env.expand(c.Src), env.expand(c.Dst)
		}
		key := tomlfile.Key{"contents", tomlfile.Index(i)}
		if c.FileInfo.MTime != "" {
			errs = append(errs, r.errorf(key.With("file_info", "mtime"), "cannot be used: all files of a package have one date"))
		}
		if err := r.addContent(c, key, f.DisableGlobbing); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (r *Recipe) addContent(c nfpmContent, key tomlfile.Key, literal bool) error {
	config := false
	mode, err := c.FileInfo.mode()
	if err != nil {
		return r.errorf(key.With("file_info", "mode"), "%w", err)
	}
	if !strings.HasPrefix(c.Dst, "/") {
		c.Dst = "/" + c.Dst // nfpm takes both
	}
	switch c.Type {
	case "dir":
		r.Dirs = append(r.Dirs, Dir{Path: c.Dst, Mode: mode, Owner: c.FileInfo.Owner, Group: c.FileInfo.Group, key: key})
		return nil
	case "symlink":
		r.Links = append(r.Links, Link{Path: c.Dst, Target: c.Src, key: key})
		return nil
	case "ghost", "doc", "licence", "license", "readme":
		return nil
	case "config", "config|noreplace", "config|missingok":
		config = true
	case "", "file", "tree":
	default:
		return r.errorf(key.With("type"), "%q is not known", c.Type)
	}
	r.Files = append(r.Files, File{Src: c.Src, Dst: c.Dst, Mode: mode, Owner: c.FileInfo.Owner, Group: c.FileInfo.Group, Config: &config, literal: literal, key: key})
	return nil
}

// mode reads octal digits behind a zero. Others are refused: nfpm takes 644 for
// a decimal number, which is 01204 and meant by nobody.
func (i nfpmFileInfo) mode() (Mode, error) {
	text := string(i.Mode)
	n, err := strconv.ParseUint(or(text, "0"), 0, 32)
	switch {
	case err != nil || n > 0o7777:
		return 0, fmt.Errorf("%q is no mode such as 0644", text)
	case text != "" && text[0] != '0':
		return 0, fmt.Errorf("%s is a decimal number: write 0%s", text, text)
	}
	return Mode(n), nil
}

// nfpmKeys are the keys of a recipe that have another name in an nfpm.yaml.
var nfpmKeys = map[string]string{
	"architecture": "arch", "pre_depends": "deb.predepends", "breaks": "deb.breaks", "compression": "deb.compression",
	"fields": "deb.fields", "triggers": "deb.triggers", "scripts.preinst": "scripts.preinstall",
	"scripts.postinst": "scripts.postinstall", "scripts.prerm": "scripts.preremove", "scripts.postrm": "scripts.postremove",
	"scripts.config": "deb.scripts.config", "scripts.templates": "deb.scripts.templates",
}

// yamlWhere returns a function that makes errors of the form "FILE:LINE: KEY:
// message", as tomlfile.File does. The line is that of the nearest key that
// the file has.
func yamlWhere(name string, data []byte) func(tomlfile.Key, string, ...any) error {
	return func(key tomlfile.Key, format string, args ...any) error {
		shown := key.String()
		if theirs, ok := nfpmKeys[shown]; ok {
			shown = theirs
		}
		return fmt.Errorf("%s:%d: %s: %w", name, yamlLine(data, shown), shown, fmt.Errorf(format, args...))
	}
}

// yamlLine returns the line of a value such as contents[2].src, or of its
// nearest ancestor, or 1.
func yamlLine(data []byte, key string) int {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return 1 // it was read before, so there is no error
	}
	for key != "" {
		if path, err := yaml.PathString("$." + key); err == nil {
			if node, err := path.FilterFile(file); err == nil {
				return node.GetToken().Position.Line
			}
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 1
}
