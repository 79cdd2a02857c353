package hostjob

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// planReport is the answer of the plan's script, as it stands.
type planReport struct {
	exit                  int
	sources               string
	simulated, log, notes []string
	atHand                []string // NAME=VERSION
	touched, named        map[string]packageFacts
	held, damaged         []string
	auto                  []string
	kept, deferred        []Change
	offers                []offer
	system, archives      Disk
	holder                Holder
}

// packageFacts is what dpkg knows of a package.
type packageFacts struct {
	packageState
	architecture string
	kib          int64 // of its files, as its maintainer estimated
}

// offer is what apt's lists say of a version.
type offer struct {
	name, version, architecture string
	size, kib                   int64
}

// parsePlan reads the answer of the plan's script. Whatever a login printed
// before it is passed over.
func parsePlan(spec Spec, out []byte) (Plan, error) {
	at := bytes.Index(out, []byte("aptfleet-plan "))
	if at < 0 || at > 0 && out[at-1] != '\n' {
		return Plan{}, fmt.Errorf("cannot read the host's plan: it begins with %q", out[:min(len(out), 80)])
	}
	if why, failed := bytes.CutPrefix(out[at:], []byte("aptfleet-plan failed ")); failed {
		return Plan{}, fmt.Errorf("cannot plan: the host %s", clean(strings.TrimSpace(string(why))))
	}
	if !bytes.HasSuffix(out, []byte("\nend\n")) {
		return Plan{}, fmt.Errorf("cannot read the host's plan: it has no end")
	}
	r := planReport{touched: map[string]packageFacts{}, named: map[string]packageFacts{}}
	for line := range strings.Lines(string(out[at:])) {
		line = strings.TrimSuffix(line, "\n")
		if err := r.line(line); err != nil {
			return Plan{}, fmt.Errorf("cannot read the line %.200q of the host's plan: %w", line, err)
		}
	}
	return r.plan(spec)
}

func (r *planReport) line(line string) (err error) {
	key, value, _ := strings.Cut(line, " ")
	lists := map[string]*[]string{
		"simulated": &r.simulated, "log": &r.log, "note": &r.notes,
		"auto": &r.auto, "at-hand": &r.atHand,
	}
	if list, is := lists[key]; is {
		*list = append(*list, value)
		return nil
	}
	switch key {
	case "kept":
		r.kept, err = addLeft(r.kept, value)
	case "deferred":
		r.deferred, err = addLeft(r.deferred, value)
	case "aptfleet-plan":
		r.exit, err = strconv.Atoi(value)
	case "sources":
		r.sources = value
	case "touched", "named", "held", "damaged":
		return r.packageLine(key, value)
	case "offer":
		return r.offerLine(value)
	case "disk":
		return r.diskLine(value)
	case "lock":
		pid, program, _ := strings.Cut(value, " ")
		r.holder.Program = program
		r.holder.PID, err = strconv.Atoi(pid)
	case "end":
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return err
}

// leftLine is a change that apt does not make.
var leftLine = regexp.MustCompile(`^(\S+) \((\S+) => (\S+)\)$`)

// addLeft adds one to those before it.
func addLeft(left []Change, value string) ([]Change, error) {
	m := leftLine.FindStringSubmatch(value)
	if m == nil {
		return nil, fmt.Errorf("want NAME (OLD => NEW)")
	}
	return append(left, Change{Name: m[1], Old: m[2], New: m[3]}), nil
}

func (r *planReport) packageLine(key, value string) error {
	fields := strings.Split(value, "|")
	if len(fields) != 5 {
		return fmt.Errorf("want name, status, version, architecture and size")
	}
	f := packageFacts{packageState: packageState{status: fields[1], version: fields[2]}, architecture: fields[3]}
	var err error
	if fields[4] != "" {
		f.kib, err = strconv.ParseInt(fields[4], 10, 64)
	}
	switch key {
	case "touched":
		r.touched[fields[0]] = f
	case "named":
		r.named[fields[0]] = f
	case "held":
		r.held = append(r.held, fields[0])
	case "damaged":
		r.damaged = append(r.damaged, fmt.Sprintf("%s (%s)", fields[0], f.damage()))
	}
	return err
}

// offerLine reads a field of a stanza; an empty one ends the stanza.
func (r *planReport) offerLine(value string) (err error) {
	name, value, _ := strings.Cut(value, ": ")
	if name == "Package" {
		r.offers = append(r.offers, offer{name: value})
		return nil
	}
	if len(r.offers) == 0 || name == "" {
		return nil
	}
	o := &r.offers[len(r.offers)-1]
	switch name {
	case "Version":
		o.version = value
	case "Architecture":
		o.architecture = value
	case "Size":
		o.size, err = strconv.ParseInt(value, 10, 64)
	case "Installed-Size":
		o.kib, err = strconv.ParseInt(value, 10, 64)
	default:
		return fmt.Errorf("unknown field %q", name)
	}
	return err
}

func (r *planReport) diskLine(value string) error {
	words := strings.SplitN(value, " ", 3)
	if len(words) != 3 {
		return fmt.Errorf("want what it is for, its free space and its path")
	}
	kib, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		return err
	}
	d := Disk{Mount: words[2], Free: kib << 10}
	if words[0] == "system" {
		r.system = d
	} else {
		r.archives = d
	}
	return nil
}

// find returns what the lists offer for a change.
func (r *planReport) find(c Change) offer {
	name, _, _ := strings.Cut(c.Name, ":")
	i := slices.IndexFunc(r.offers, func(o offer) bool {
		return o.name == name && o.version == c.New && o.architecture == c.Architecture
	})
	if i < 0 {
		return offer{}
	}
	return r.offers[i]
}
