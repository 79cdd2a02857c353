package simhost

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Debian is a host with a few commands, apt and dpkg among them, that remembers
// which packages were installed. Its method Play is the Script. The zero Debian
// is ready to use; one serves any number of hosts. It knows:
//
//	true, false, exit N, echo WORD…, sleep SECONDS, cat (its input)
//	emit LINES BYTES              so many lines of so many bytes, at once
//	sim:dur=2s,lines=50,exit=3    an apt run by these numbers
//	apt-get, dpkg-query -W, dpkg --audit, uname, cat /etc/os-release
//
// A sudo, assignments, and shells around one simple command are looked through.
type Debian struct {
	Duration time.Duration     // of each apt-get that installs
	Lines    int               // about how many lines an apt-get without packages prints; 0 means 20
	Versions map[string]string // the newest version of a package; a package not named has 1.0
	Sudo     Sudo

	// Shell plays what is a shell script and not just one command: args are
	// its $1 and on. nil makes that a syntax error.
	Shell func(ctx context.Context, c Command, script string, args []string) (status int)

	mu        sync.Mutex
	installed map[int]map[string]string
}

// Installed returns the version of a package on a host; "" if it has none.
func (d *Debian) Installed(host int, name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.installed[host][name]
}

// Install makes a package installed on a host; as version "" it is removed.
func (d *Debian) Install(host int, name, version string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.installed == nil {
		d.installed = map[int]map[string]string{}
	}
	if d.installed[host] == nil {
		d.installed[host] = map[string]string{}
	}
	d.installed[host][name] = version
}

// Candidate returns the newest version of a package.
func (d *Debian) Candidate(name string) string {
	if newest := d.Versions[name]; newest != "" {
		return newest
	}
	return "1.0"
}

// Play is a Script.
func (d *Debian) Play(ctx context.Context, c Command) int {
	line, err := whole(c.Line, c.Stdin)
	if err != nil {
		fmt.Fprintln(c.Stderr, "sh: 1:", err)
		return 2
	}
	asked := understand(line)
	if asked.asRoot {
		if status, may := d.Sudo.ask(c, asked.sudo); !may {
			return status
		}
	}
	if asked.argv != nil {
		return d.run(ctx, c, asked.argv)
	}
	if d.Shell == nil {
		fmt.Fprintln(c.Stderr, "sh: 1: Syntax error: a simulated host runs no scripts")
		return 2
	}
	return d.Shell(ctx, c, asked.script, asked.args)
}

// run plays a simple command. Output to a client that is gone is lost, as
// anywhere.
func (d *Debian) run(ctx context.Context, c Command, argv []string) int {
	name, args := argv[0], argv[1:]
	switch {
	case name == "true" || name == ":":
	case name == "false":
		return 1
	case name == "exit":
		return integer(args, 0, 0)
	case name == "echo":
		fmt.Fprintln(c.Stdout, strings.Join(args, " "))
	case name == "sleep":
		return sleep(ctx, args)
	case name == "cat" && len(args) == 0:
		_, _ = io.Copy(c.Stdout, c.Stdin)
	case name == "cat" && args[0] == "/etc/os-release":
		io.WriteString(c.Stdout, osRelease)
	case name == "uname":
		fmt.Fprintf(c.Stdout, "Linux sim%05d 6.1.0-40-amd64 #1 SMP Debian 6.1.153-1 x86_64 GNU/Linux\n", c.Host)
	case name == "emit":
		line := strings.Repeat("x", max(0, integer(args, 1, 80)-1)) + "\n"
		io.WriteString(c.Stdout, strings.Repeat(line, integer(args, 0, 1000)))
	case strings.HasPrefix(name, "sim:"):
		return d.simulate(ctx, c, strings.TrimPrefix(name, "sim:"))
	case name == "apt-get" || name == "/usr/bin/apt-get":
		return d.aptGet(ctx, c, args)
	case name == "dpkg-query":
		return d.dpkgQuery(c, args)
	case name == "dpkg" && len(args) == 1 && (args[0] == "--audit" || args[0] == "-C"):
	default:
		fmt.Fprintf(c.Stderr, "sh: 1: %s: not found\n", name)
		return 127
	}
	return 0
}

const osRelease = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
`

func sleep(ctx context.Context, args []string) int {
	if len(args) != 1 {
		return 1
	}
	seconds, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return 1
	}
	pause(ctx, time.Duration(seconds*float64(time.Second)))
	return 0
}

// integer is the i-th of args, or otherwise where there is no number.
func integer(args []string, i, otherwise int) int {
	if i < len(args) {
		if n, err := strconv.Atoi(args[i]); err == nil {
			return n
		}
	}
	return otherwise
}

// simulate runs an upgrade by numbers in the form "dur=2s,lines=50,exit=3".
func (d *Debian) simulate(ctx context.Context, c Command, numbers string) int {
	run := aptRun{Duration: d.Duration, lines: upgradeLines(d.Lines)}
	for _, setting := range strings.Split(numbers, ",") {
		key, value, _ := strings.Cut(setting, "=")
		var err error
		switch n := 0; key {
		case "dur":
			run.Duration, err = time.ParseDuration(value)
		case "lines":
			n, err = strconv.Atoi(value)
			run.lines = upgradeLines(n)
		case "exit":
			run.status, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("unknown setting %q", key)
		}
		if err != nil {
			fmt.Fprintln(c.Stderr, "sim:", err)
			return 2
		}
	}
	return run.play(ctx, c)
}
