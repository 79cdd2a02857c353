package simhost

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// aptRun prints lines, evenly spread over a time.
type aptRun struct {
	Duration time.Duration
	lines    []string
	status   int
}

// play prints, and misbehaves as the host's fault wants.
func (r aptRun) play(ctx context.Context, c Command) int {
	if c.Fault == Lock {
		fmt.Fprintf(c.Stderr, "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process %d (unattended-upgr)\n"+
			"E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?\n", 1000+c.Host)
		return 100
	}
	for i, line := range r.lines {
		if !pause(ctx, r.Duration/time.Duration(len(r.lines))) {
			return 255
		}
		if c.Fault == Drop && i == len(r.lines)/2 {
			c.Disconnect()
			return 255
		}
		if _, err := io.WriteString(c.Stdout, line+"\n"); err != nil {
			return 255
		}
	}
	if c.Fault == Fail {
		io.WriteString(c.Stderr, postinstFailed)
		return 100
	}
	return r.status
}

const postinstFailed = `dpkg: error processing package sim (--configure):
 installed sim package post-installation script subprocess returned error exit status 1
Errors were encountered while processing:
 sim
E: Sub-process /usr/bin/dpkg returned an error code (1)
`

// aptGet plays apt-get: update, and everything that installs.
func (d *Debian) aptGet(ctx context.Context, c Command, args []string) int {
	verb, packages, simulated := parseAptGet(args)
	switch verb {
	case "update":
		return aptRun{lines: updateLines}.play(ctx, c)
	case "install", "upgrade", "dist-upgrade", "full-upgrade":
	default:
		fmt.Fprintf(c.Stderr, "E: Invalid operation %s\n", verb)
		return 100
	}
	if simulated {
		return d.aptSimulate(c, packages)
	}
	lines := upgradeLines(d.Lines)
	if len(packages) > 0 {
		lines = installLines(packages)
	}
	status := aptRun{Duration: d.Duration, lines: lines}.play(ctx, c)
	if status == 0 {
		for _, p := range packages {
			d.Install(c.Host, p.name, d.wanted(p))
		}
	}
	return status
}

// target is a package on apt-get's command line, with "=VERSION" or without.
type target struct{ name, version string }

// parseAptGet finds verb and packages among flags; -o and -t take a word.
func parseAptGet(args []string) (verb string, packages []target, simulated bool) {
	for i := 0; i < len(args); i++ {
		switch word := args[i]; {
		case word == "-o" || word == "-t":
			i++
		case slices.Contains([]string{"-s", "--simulate", "--dry-run", "-qs", "-sq"}, word):
			simulated = true
		case strings.HasPrefix(word, "-"):
		case verb == "":
			verb = word
		default:
			name, version, _ := strings.Cut(word, "=")
			packages = append(packages, target{name, version})
		}
	}
	return verb, packages, simulated
}

// wanted is the version that apt would install.
func (d *Debian) wanted(p target) string {
	if p.version != "" {
		return p.version
	}
	return d.Candidate(p.name)
}

// aptSimulate prints what apt-get -s does: "Inst" and "Conf" lines for what
// would change.
func (d *Debian) aptSimulate(c Command, packages []target) int {
	var inst, conf strings.Builder
	for _, p := range packages {
		is, wanted := d.Installed(c.Host, p.name), d.wanted(p)
		if is == wanted {
			continue
		}
		if is != "" {
			is = "[" + is + "] "
		}
		fmt.Fprintf(&inst, "Inst %s %s(%s sim:stable [all])\n", p.name, is, wanted)
		fmt.Fprintf(&conf, "Conf %s (%s sim:stable [all])\n", p.name, wanted)
	}
	io.WriteString(c.Stdout, "Reading package lists...\nBuilding dependency tree...\nReading state information...\n"+inst.String()+conf.String())
	return 0
}

// dpkgQuery plays dpkg-query -W [-f FORMAT] PACKAGE…
func (d *Debian) dpkgQuery(c Command, args []string) int {
	format, status := "${Package}\t${Version}\n", 0
	for i := 0; i < len(args); i++ {
		switch word := args[i]; {
		case word == "-W" || word == "--show":
		case word == "-f" && i+1 < len(args):
			i++
			format = args[i]
		case strings.HasPrefix(word, "-f"):
			format = strings.TrimPrefix(word[2:], "=")
		case strings.HasPrefix(word, "--showformat="):
			format = strings.TrimPrefix(word, "--showformat=")
		case d.Installed(c.Host, word) == "":
			fmt.Fprintf(c.Stderr, "dpkg-query: no packages found matching %s\n", word)
			status = 1
		default:
			io.WriteString(c.Stdout, d.show(c.Host, word, format))
		}
	}
	return status
}

func (d *Debian) show(host int, name, format string) string {
	return strings.NewReplacer(
		"${Package}", name, "${Version}", d.Installed(host, name), "${Architecture}", "all",
		"${Status}", "install ok installed", "${db:Status-Status}", "installed", "${db:Status-Abbrev}", "ii ",
		`\n`, "\n", `\t`, "\t",
	).Replace(format)
}
