package deb

import (
	"archive/tar"
	"errors"
	"fmt"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// debhelperToken is the line of a maintainer script that stands for what is
// added automatically, the same as debhelper's.
const debhelperToken = "#DEBHELPER#"

var (
	tokenLine    = lazyregexp.New(`(?m)^[ \t]*` + debhelperToken + `[ \t]*$\n?`)
	shellShebang = lazyregexp.New(`^#! ?/(usr/)?bin/(env )?(ba|da)?sh\b`)
)

// scripts returns the control files that are run, or read, by dpkg and debconf.
func (r *Recipe) scripts() ([]*node, error) {
	groups, err := r.unitGroups()
	if err != nil {
		return nil, r.errorf(tomlfile.Key{"units"}, "%w", err)
	}
	added := autoscriptsFor(groups)
	var nodes []*node
	var errs []error
	for _, s := range []struct{ name, src string }{
		{"preinst", r.Scripts.PreInst},
		{"postinst", r.Scripts.PostInst},
		{"prerm", r.Scripts.PreRm},
		{"postrm", r.Scripts.PostRm},
		{"config", r.Scripts.Config},
		{"templates", r.Scripts.Templates},
	} {
		text, err := r.script(s.name, s.src, added[s.name])
		if err != nil {
			errs = append(errs, r.errorf(tomlfile.Key{"scripts", s.name}, "%w", err))
		}
		if text == "" {
			continue
		}
		n := textNode(s.name, []byte(text))
		if s.name != "templates" {
			n.mode = 0o755
		}
		nodes = append(nodes, n)
	}
	if len(r.Triggers) > 0 {
		nodes = append(nodes, textNode("triggers", []byte(strings.Join(r.Triggers, "\n")+"\n")))
	}
	return nodes, errors.Join(errs...)
}

// script returns a script's text with what is added, "" if there is neither.
func (r *Recipe) script(name, src, added string) (string, error) {
	if src == "" {
		if added == "" {
			return "", nil
		}
		return "#!/bin/sh\nset -e\n" + added, nil
	}
	text, err := r.readText(src)
	switch {
	case err != nil:
		return "", err
	case name == "templates":
		return text, nil
	case !strings.HasPrefix(text, "#!"):
		return "", fmt.Errorf("cannot use %s: it does not begin with \"#!\"", src)
	case added != "" && (!tokenLine().MatchString(text) || !shellShebang().MatchString(text)):
		return "", fmt.Errorf("cannot use %s: it must be of a shell and have the line %s for the commands of the units", src, debhelperToken)
	}
	return tokenLine().ReplaceAllLiteralString(text, added), nil
}

// controlEntries are the entries of control.tar besides control itself.
func controlEntries(scripts []*node, conffiles, md5sums []byte) []*node {
	nodes := []*node{{kind: tar.TypeDir, mode: 0o755}}
	for _, n := range []*node{textNode("conffiles", conffiles), textNode("md5sums", md5sums)} {
		if n.size > 0 {
			nodes = append(nodes, n)
		}
	}
	return append(nodes, scripts...)
}
