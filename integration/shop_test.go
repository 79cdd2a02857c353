package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/aptfleet/aptfleet/packaging/deb"
)

// The scripts of the package run a file on the host where there is one, so that
// a story can make a single host's installation fail, wait or ask.
const (
	faultFile = "/etc/shop-fault"
	postinst  = "#!/bin/sh\nset -e\n[ ! -f \"$DPKG_ROOT" + faultFile + "\" ] || . \"$DPKG_ROOT" + faultFile + "\"\n"
)

// goFile ends the waiting of what runs under waiting.
const goFile = "/etc/shop-go"

// waiting is a fault that waits until the story makes goFile.
const waiting = "echo waiting for the story\nuntil [ -e \"$DPKG_ROOT" + goFile + "\" ]; do sleep 0.1; done\n"

// shop is a package of the sample application, or of something beside it.
type shop struct {
	name    string // "" is shop
	version string
	conf    string // content of its configuration file; "" is its version
	depends []string
	breaks  []string
	prerm   string
	fields  map[string]string // of its control file, besides those above
	ballast int               // bytes that do not compress

	templates string // what its scripts may ask through debconf
}

// publish builds packages and publishes them to stable.
func (f *fleet) publish(packages ...shop) {
	f.t.Helper()
	f.publishTo("stable", packages...)
}

func (f *fleet) publishTo(suite string, packages ...shop) {
	f.t.Helper()
	args := []string{"publish", "--suite", suite}
	for _, p := range packages {
		args = append(args, f.build(p))
	}
	f.do(args...)
}

// build builds a package and returns its file.
func (f *fleet) build(p shop) string {
	f.t.Helper()
	if p.name == "" {
		p.name = "shop"
	}
	if p.conf == "" {
		p.conf = "version = " + p.version + "\n"
	}
	dir := f.t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		f.must(os.WriteFile(path, text, 0o644))
		return path
	}
	recipe := deb.Recipe{
		Name: p.name, Version: p.version, Architecture: "all",
		Maintainer: "Story <story@example.com>", Description: "made by a story",
		Depends: p.depends, Breaks: p.breaks, Fields: p.fields, Compression: deb.Gzip,
		Scripts: deb.Scripts{PostInst: write("postinst", []byte(postinst))},
		Files: []deb.File{
			{Src: write("version", []byte(p.version+"\n")), Dst: fmt.Sprintf("/usr/share/%s/version", p.name)},
			{Src: write("conf", []byte(p.conf)), Dst: fmt.Sprintf("/etc/%s.conf", p.name)},
		},
	}
	if p.prerm != "" {
		recipe.Scripts.PreRm = write("prerm", []byte(p.prerm))
	}
	if p.templates != "" {
		recipe.Scripts.Templates = write("templates", []byte(p.templates))
	}
	if p.ballast > 0 {
		recipe.Files = append(recipe.Files, deb.File{Src: write("ballast", noise(p.ballast)), Dst: "/usr/share/" + p.name + "/ballast"})
	}
	file, err := recipe.Build(f.t.Context(), dir)
	f.must(err)
	return file
}

// noise returns bytes that do not compress.
func noise(n int) []byte {
	text := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(text)
	return text
}
