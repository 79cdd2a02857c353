package deb

import (
	"archive/tar"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
)

// snippets are those of debhelper 13.11 (Debian 12), which are in the public
// domain; where they talk to systemd they are skipped under DPKG_ROOT, as later
// debhelpers do.
//
//go:embed snippets/*.sh
var snippets embed.FS

const unitDir = "/lib/systemd/system/" // what debhelper of Debian 12 takes; an alias of /usr/lib everywhere

// The values of Unit.Restart.
const (
	restartAfter  = "after-upgrade"
	restartAround = "around-upgrade"
	restartNever  = "never"
)

var (
	unitName       = lazyregexp.New(`^[a-zA-Z0-9:_.\\@-]+\.(service|socket|target|path|timer|mount)$`)
	installSection = lazyregexp.New(`(?mi)^\s*\[Install\]\s*$`)
)

func (u Unit) name() string { return or(u.Name, filepath.Base(u.Src)) }

func (r *Recipe) addUnit(t tree, u Unit) error {
	if u.Src == "" {
		return errors.New("src is missing")
	}
	if !unitName().MatchString(u.name()) {
		return fmt.Errorf("%q is not the name of a unit", u.name())
	}
	if err := oneOf(u.Restart, "", restartAfter, restartAround, restartNever); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	text, err := r.readText(u.Src)
	if err != nil {
		return err
	}
	return t.add(&node{path: unitDir + u.name(), kind: tar.TypeReg, mode: 0o644, size: int64(len(text)), content: []byte(text)})
}

// treatment is how maintainer scripts treat a unit. Units of one treatment
// share their commands, as those of one call of dh_installsystemd do.
type treatment struct {
	enable, start bool
	restart       string
}

// unitGroup is the units of one treatment, sorted.
type unitGroup struct {
	treatment
	units, installable []string // the second have an [Install] section
}

// unitGroups sorts the recipe's units by treatment. Templates are left out:
// which instances there are is the administrator's matter.
func (r *Recipe) unitGroups() ([]unitGroup, error) {
	var groups []unitGroup
	for _, u := range r.Units {
		if strings.Contains(u.name(), "@") {
			continue
		}
		text, err := os.ReadFile(r.source(u.Src))
		if err != nil {
			return nil, notThere(r.source(u.Src), err)
		}
		how := treatment{u.Enable == nil || *u.Enable, u.Start == nil || *u.Start, or(u.Restart, restartAfter)}
		i := slices.IndexFunc(groups, func(g unitGroup) bool { return g.treatment == how })
		if i < 0 {
			i, groups = len(groups), append(groups, unitGroup{treatment: how})
		}
		groups[i].units = append(groups[i].units, "'"+u.name()+"'")
		if installSection().Match(text) {
			groups[i].installable = append(groups[i].installable, "'"+u.name()+"'")
		}
	}
	for _, g := range groups {
		slices.Sort(g.units)
		slices.Sort(g.installable)
	}
	return groups, nil
}

// autoscripts are the commands that units need, by maintainer script.
type autoscripts map[string]string

// add puts a snippet at the end of a script, or at the beginning of one that
// takes things away, so that these run in reverse order.
func (a autoscripts) add(script, snippet string, values ...string) {
	text, err := snippets.ReadFile("snippets/" + script + "-" + snippet + ".sh")
	if err != nil {
		panic(err) // they are part of the program
	}
	section := "# Automatically added by aptfleet\n" + strings.NewReplacer(values...).Replace(string(text)) + "# End automatically added section\n"
	if script == "prerm" || script == "postrm" {
		a[script] = section + a[script]
		return
	}
	a[script] += section
}

// autoscriptsFor returns what dh_installsystemd would write.
func autoscriptsFor(groups []unitGroup) autoscripts {
	a := autoscripts{}
	for _, g := range groups {
		a.enable(g)
		a.run(g)
	}
	return a
}

func (a autoscripts) enable(g unitGroup) {
	snippet := "dont-enable"
	if g.treatment.enable {
		snippet = "enable"
	}
	for _, unit := range g.installable {
		a.add("postinst", snippet, "#UNITFILE#", unit)
	}
	if len(g.installable) > 0 {
		a.add("postrm", "purge", "#UNITFILES#", strings.Join(g.installable, " "))
	}
}

func (a autoscripts) run(g unitGroup) {
	units := strings.Join(g.units, " ")
	switch {
	case g.restart == restartAfter && g.start:
		a.add("postinst", "restart", "#UNITFILES#", units, "#RESTART_ACTION#", "restart")
	case g.restart == restartAfter:
		a.add("postinst", "try-restart", "#UNITFILES#", units, "#RESTART_ACTION#", "try-restart")
	case g.start:
		a.add("postinst", "start", "#UNITFILES#", units)
	}
	if g.restart == restartAround {
		a.add("preinst", "stop", "#UNITFILES#", units)
	}
	if g.start {
		a.add("prerm", "stop", "#UNITFILES#", units)
	}
	a.add("postrm", "reload", "#UNITFILES#", units)
}
