package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// aptRoot is the folder of a light host: in root the tree that its apt and dpkg
// manage instead of the machine's, in bin the programs that go before the
// machine's own, and the configuration that sends apt into the tree.
type aptRoot string

func (r aptRoot) root() string   { return filepath.Join(string(r), "root") }
func (r aptRoot) bin() string    { return filepath.Join(string(r), "bin") }
func (r aptRoot) config() string { return filepath.Join(string(r), "apt.conf") }

// env is what sends the programs of a command into the tree.
func (r aptRoot) env() []string {
	path, _ := strings.CutPrefix(hostPath, "PATH=")
	return []string{
		"PATH=" + r.bin() + ":" + path,
		"HOME=" + filepath.Join(r.root(), "root"),
		"SHELL=/bin/sh",
		"APTFLEET_ROOT=" + r.root(),
		"APT_CONFIG=" + r.config(),
	}
}

// aptFolders are what apt and dpkg want to find, and do not all make.
var aptFolders = []string{
	"root", "tmp", "usr", "var/log/apt", "var/lib/aptfleet",
	"etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d",
	"var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/lib/dpkg/info",
	"var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/lib/dpkg/alternatives",
}

// aptConfig is apt's configuration of a tree, by apt.conf(5). The options of
// dpkg are those of its wrapper, because apt does not look for it in PATH.
const aptConfig = `Dir "%[1]s";
Dir::State::status "%[1]s/var/lib/dpkg/status";
Dir::Bin::Methods "/usr/lib/apt/methods";
Dir::Bin::dpkg "%[2]s/dpkg";
APT::Sandbox::User "%[3]s";
`

// shadows are the programs that go before the machine's, as shell scripts: dpkg
// looks into the tree, and systemd, which would act on the machine, is not
// there, as on a host that was not booted with it.
var shadows = map[string]string{
	"dpkg":        `exec /usr/bin/dpkg --root="$APTFLEET_ROOT" --log="$APTFLEET_ROOT/var/log/dpkg.log" --force-script-chrootless --force-not-root "$@"`,
	"dpkg-query":  `exec /usr/bin/dpkg-query --root="$APTFLEET_ROOT" "$@"`,
	"systemctl":   noSystemd,
	"systemd-run": noSystemd,
	"reboot":      noSystemd,
}

const noSystemd = `echo "System has not been booted with systemd as init system (PID 1). Can't operate." >&2; exit 1`

// make makes the tree, for packages that user is to install.
func (r aptRoot) make(user string) error {
	var errs error
	for _, dir := range aptFolders {
		errs = errors.Join(errs, os.MkdirAll(filepath.Join(r.root(), dir), 0o755))
	}
	for _, file := range []string{"status", "available", "lock", "lock-frontend"} {
		errs = errors.Join(errs, os.WriteFile(filepath.Join(r.root(), "var/lib/dpkg", file), nil, 0o640))
	}
	errs = errors.Join(errs,
		os.MkdirAll(r.bin(), 0o755),
		os.WriteFile(r.config(), fmt.Appendf(nil, aptConfig, r.root(), r.bin(), user), 0o644))
	for name, text := range shadows {
		errs = errors.Join(errs, os.WriteFile(filepath.Join(r.bin(), name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	}
	return errs
}
