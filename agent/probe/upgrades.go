package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// maxSimulation bounds what is read of apt's simulation, in bytes.
const maxSimulation = 8 << 20

// Apt tells what apt would upgrade, by the lists that it has. Its methods may be
// called concurrently.
type Apt struct {
	Lists string   // its folder of lists, such as /var/lib/apt/lists
	Argv  []string // what simulates an upgrade of everything; nil is apt itself
}

// simulate changes nothing, needs no lock and no root, and yields to whoever has
// work to do.
var simulate = []string{
	"nice", "-n", "19", "apt-get", "-s", "-q", "-o", "Debug::NoLocking=true",
	"-o", "APT::Get::Show-User-Simulation-Note=false", "dist-upgrade",
}

// Stamp changes whenever the lists do.
func (a Apt) Stamp() string { return Stamp(a.Lists, filepath.Join(a.Lists, "partial")) }

// Upgrades asks apt, which takes a second or two of the processor.
func (a Apt) Upgrades(ctx context.Context) (*health.Upgrades, error) {
	argv := a.Argv
	if argv == nil {
		argv = simulate
	}
	said := &tail{most: maxSimulation}
	trouble := &tail{most: health.MaxOutput}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = said, trouble, grace
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("cannot ask apt for upgrades: %w: %s", err, health.Text(trouble.String()))
	}
	return parseUpgrades(said.String())
}

// parseUpgrades reads the lines of a simulation that speak of an installation:
//
//	Inst shop [1.0] (1.1 Example:stable/stable, Debian-Security:12/stable-security [amd64]) []
//
// Those without the version before are new packages, not upgrades.
func parseUpgrades(lines string) (*health.Upgrades, error) {
	found := &health.Upgrades{}
	for line := range strings.Lines(lines) {
		rest, ok := strings.CutPrefix(line, "Inst ")
		if !ok {
			continue
		}
		name, rest, _ := strings.Cut(rest, " ")
		before, offer, ok := strings.Cut(rest, "(")
		version, origins, both := strings.Cut(offer, " ")
		if !ok || !both || name == "" || version == "" {
			return nil, fmt.Errorf("cannot read the line %.200q of apt", line)
		}
		if !strings.HasPrefix(before, "[") {
			continue
		}
		found.Pending++
		if isSecurity(origins) {
			found.Security++
		}
	}
	return found, nil
}

// isSecurity reports that one of the origins of a version is an archive of
// security updates, which end in -security with Debian and Ubuntu.
func isSecurity(origins string) bool {
	origins, _, _ = strings.Cut(origins, " [")
	for origin := range strings.SplitSeq(origins, ", ") {
		if strings.HasSuffix(origin, "-security") {
			return true
		}
	}
	return false
}

// ListsAge returns how long ago apt last looked for newer lists; 0 where it
// never did. Its folders change whenever it does; the lists themselves carry the
// dates of their servers.
func (a Apt) ListsAge() (time.Duration, error) {
	var newest time.Time
	for _, dir := range []string{a.Lists, filepath.Join(a.Lists, "partial")} {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("cannot tell the age of apt's lists: %w", err)
		}
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	if newest.IsZero() {
		return 0, nil
	}
	return max(0, time.Since(newest)), nil
}
