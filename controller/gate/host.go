package gate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/pkg/debian"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// What a round begins with on every host. They need no root, which dpkg --audit
// does as soon as it has something to say; in a chroot, only dpkg's database is
// looked at.
const (
	bootScript  = `cat /proc/sys/kernel/random/boot_id && cat /proc/uptime`
	auditScript = `all=$(dpkg-query ${APTFLEET_CHROOT:+--admindir="$APTFLEET_CHROOT/var/lib/dpkg"} ` +
		`-W -f '${db:Status-Abbrev}|${binary:Package} ${Version} is ${db:Status-Status}\n')
[ $? -le 1 ] || exit 2
echo "$all" | grep -e '^.[UFHWt]' -e '^..R' | cut -d '|' -f 2
[ -z "$(ls -A "${APTFLEET_ROOT:-}/var/lib/dpkg/updates" 2>/dev/null)" ] || echo "it was interrupted"`
	packagesScript = `dpkg-query ${APTFLEET_CHROOT:+--admindir="$APTFLEET_CHROOT/var/lib/dpkg"} ` +
		`-W -f '${Package}|${Architecture}|${db:Status-Abbrev}|${Version}\n' -- "$@" 2>/dev/null
case $? in 0 | 1) exit 0 ;; esac; exit 2` // 1 is that one of them is not known (dpkg-query(1))
)

// front returns the tasks that every round begins with.
func front(packages []string) []command {
	sh := func(script string, args ...string) command {
		return command{frontLimit, 1 << 20, append([]string{"sh", "-c", script, "sh"}, args...)}
	}
	tasks := []command{sh(bootScript), sh(auditScript)}
	if len(packages) > 0 {
		tasks = append(tasks, sh(packagesScript, packages...))
	}
	return tasks
}

// moment is when a host was looked at.
type moment struct {
	at     time.Time
	uptime time.Duration // of the host, then
	begun  time.Time     // when the look began
}

// since turns a time of systemd's monotonic clock into one of ours.
func (m moment) since(monotonic time.Duration) time.Time {
	if monotonic <= 0 || monotonic > m.uptime {
		return time.Time{}
	}
	return m.at.Add(monotonic - m.uptime)
}

// readFront fills a report from what front's tasks printed.
func readFront(r *health.Report, found []outcome, packages []string) (moment, error) {
	for i, what := range []string{"the boot id", "the state of dpkg", "the versions"}[:len(found)] {
		if o := found[i]; o.status != 0 {
			return moment{}, fmt.Errorf("cannot read %s of the host: exit status %d: %s", what, o.status, health.Text(o.output))
		}
	}
	boot, uptime, _ := strings.Cut(found[0].output, "\n")
	first, _, _ := strings.Cut(uptime, " ")
	seconds, err := strconv.ParseFloat(first, 64)
	if err != nil || boot == "" || seconds < 0 || seconds > 1e9 {
		return moment{}, fmt.Errorf("cannot read the boot id and uptime of the host from %.80q", found[0].output)
	}
	r.Boot, r.Audit = boot, health.Text(found[1].output)
	if len(found) > 2 {
		if r.Packages, err = parsePackages(found[2].output, packages); err != nil {
			return moment{}, err
		}
	}
	return moment{at: r.At, uptime: time.Duration(seconds * float64(time.Second))}, nil
}

// parsePackages reads lines of dpkg-query. It returns the versions of those of
// the wanted packages, named with or without an architecture, that dpkg is done
// with.
func parsePackages(lines string, wanted []string) (map[string]string, error) {
	installed := map[string]string{}
	for line := range strings.Lines(lines) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(f) != 4 || len(f[2]) != 3 || f[0] == "" || f[1] == "" {
			return nil, fmt.Errorf("cannot read the line %.200q of dpkg-query", line)
		}
		if f[2][1:] != "i " {
			continue // not installed, or something wrong with it
		}
		if err := debian.ValidateVersion(f[3]); err != nil {
			return nil, fmt.Errorf("cannot read the line %.200q of dpkg-query: %w", line, err)
		}
		installed[f[0]], installed[f[0]+":"+f[1]] = f[3], f[3]
	}
	versions := map[string]string{}
	for _, name := range wanted {
		if version, there := installed[name]; there {
			versions[name] = version
		}
	}
	return versions, nil
}
