package hostjob

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// result is what a job found and wrote when it ended.
type result struct {
	exit          int
	native        string   // the host's architecture, "" from an older job
	stale         bool     // the lists could not be refreshed
	candidates    Versions // of targets without an exact version
	before, after map[string]packageState
	left          []string // what a dist-upgrade would still change
	refused       []string // in what an exact job would not have been one
	missing       []string // NAME=VERSION that could not be fetched
	auto          []string // of what is before, those marked as installed automatically
	audit         []string
}

// packageState is one line of dpkg-query.
type packageState struct{ status, version string }

// installed returns the version if the package is there at all, whole or not.
func (p packageState) installed() string {
	if len(p.status) < 2 || p.status[1] == 'n' || p.status[1] == 'c' {
		return ""
	}
	return p.version
}

// damage names the state of a package that dpkg has not finished with, or "".
func (p packageState) damage() string {
	if len(p.status) > 2 && p.status[2] == 'R' {
		return "must be reinstalled"
	}
	if len(p.status) < 2 {
		return ""
	}
	return map[byte]string{
		'U': "unpacked", 'F': "half configured", 'H': "half installed",
		'W': "waits for triggers", 't': "has pending triggers",
	}[p.status[1]]
}

// parseResult reads the result file of a job.
func parseResult(text []byte) (result, error) {
	r := result{candidates: Versions{}, before: map[string]packageState{}, after: map[string]packageState{}}
	if !bytes.HasSuffix(text, []byte("\nend\n")) {
		return r, fmt.Errorf("cannot read the job's result: it has no end")
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if err := r.line(line); err != nil {
			return r, fmt.Errorf("cannot read the line %.200q of the job's result: %w", line, err)
		}
	}
	return r, nil
}

func (r *result) line(line string) (err error) {
	key, value, _ := strings.Cut(line, " ")
	switch key {
	case "exit":
		r.exit, err = strconv.Atoi(value)
	case "native":
		r.native = value
	case "candidate":
		name, version, ok := strings.Cut(value, " ")
		if !ok {
			return fmt.Errorf("it has no version")
		}
		r.candidates[name] = version
	case "before", "after", "same":
		return r.packageLine(key, value)
	case "left":
		r.left = append(r.left, value)
	case "auto":
		r.auto = append(r.auto, value)
	case "audit":
		r.audit = append(r.audit, value)
	case "stale":
		r.stale = true
	case "refused":
		r.refused = append(r.refused, value)
	case "missing":
		r.missing = append(r.missing, value)
	case "offered", "kept", "end":
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return err
}

func (r *result) packageLine(key, value string) error {
	fields := strings.Split(value, "|")
	if len(fields) != 3 {
		return fmt.Errorf("want name, status and version")
	}
	state := packageState{status: fields[1], version: fields[2]}
	if key != "after" {
		r.before[fields[0]] = state
	}
	if key != "before" {
		r.after[fields[0]] = state
	}
	return nil
}

// find returns the state of a package and the name that dpkg gives it: of the
// host's own architecture, if it is there in several.
func (r *result) find(states map[string]packageState, name string) (string, packageState) {
	for _, exact := range []string{name, name + ":" + r.native} {
		if s, ok := states[exact]; ok {
			return exact, s
		}
	}
	for other, s := range states {
		if strings.HasPrefix(other, name+":") && s.installed() != "" {
			return other, s
		}
	}
	return name, packageState{}
}

func versions(states map[string]packageState) Versions {
	v := Versions{}
	for name, s := range states {
		if version := s.installed(); version != "" {
			v[name] = version
		}
	}
	return v
}

// damaged lists the packages that dpkg has not finished with.
func damaged(states map[string]packageState) []string {
	var list []string
	for name, s := range states {
		if d := s.damage(); d != "" {
			list = append(list, fmt.Sprintf("%s (%s)", name, d))
		}
	}
	slices.Sort(list)
	return list
}
