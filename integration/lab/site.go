package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// maxHosts is how many hosts a lab can have: what its subnet has room for.
const maxHosts = 250

// sitesDir has a file for each number that a lab ever had since this machine
// was booted. The lab that has the number holds a lock on the file, which ends
// with its process, and the file's text is the folder of its hosts' disks: so
// a file that can be locked and is not empty is what a killed lab left.
const sitesDir = "/run/aptfleet-lab"

// site is what a lab of booted hosts has to itself on the machine: a number,
// and by it a bridge with a subnet, cgroups, and a folder.
type site struct {
	number int
	lock   *os.File
	dir    string // disks and mounts of the hosts; "" before it is known
}

func (s *site) bridge() string      { return fmt.Sprintf("afl%d", s.number) }
func (s *site) cgroup() cgroup      { return cgroup(fmt.Sprintf("aptfleet-lab/%d", s.number)) }
func (s *site) gateway() netip.Addr { return s.address(1) }
func (s *site) address(last int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 213, byte(s.number), byte(last)})
}
func (s *site) subnet() netip.Prefix { return netip.PrefixFrom(s.gateway(), 24) }

// claimSite cleans up after labs that died, and takes a number whose bridge
// and subnet are free.
func claimSite(cache string) (*site, error) {
	if err := os.MkdirAll(sitesDir, 0o755); err != nil {
		return nil, err
	}
	if err := sweepSites(); err != nil {
		return nil, err
	}
	for number := 1; number < 255; number++ {
		s, err := takeSite(number)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s.taken() {
			_ = s.lock.Close() // somebody else's network; nothing of ours is held back
			continue
		}
		if err := s.settle(cache); err != nil {
			return nil, errors.Join(err, s.leave())
		}
		return s, nil
	}
	return nil, errors.New("every subnet that a lab could have is taken")
}

// sweepSites cleans up every site whose lab is no more.
func sweepSites() error {
	files, err := filepath.Glob(filepath.Join(sitesDir, "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		var number int
		if _, err := fmt.Sscan(filepath.Base(file), &number); err != nil {
			continue
		}
		s, err := takeSite(number)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return err
		}
		_ = s.lock.Close() // which gives the number back, and nothing was written
	}
	return nil
}

// takeSite locks a number, and cleans up what a lab left there that died. The
// error of a number that a lab has is syscall.EWOULDBLOCK.
func takeSite(number int) (*site, error) {
	s, err := lockSite(number)
	if err != nil || s.dir == "" {
		return s, err
	}
	if err := s.clean(); err != nil {
		err = fmt.Errorf("cannot clean up after lab %d, which died: %w", number, err)
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

// lockSite locks a number and reads what its last lab recorded.
func lockSite(number int) (*site, error) {
	f, err := tryLock(filepath.Join(sitesDir, fmt.Sprint(number)))
	if err != nil {
		return nil, err
	}
	dir, err := io.ReadAll(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &site{number, f, string(dir)}, nil
}

// taken says whether the bridge is there or the machine has an address in the
// subnet.
func (s *site) taken() bool {
	if _, err := net.InterfaceByName(s.bridge()); err == nil {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(addrs, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Overlaps(s.subnet())
	})
}

// settle records the folder, and then makes it and the bridge.
func (s *site) settle(cache string) error {
	s.dir = filepath.Join(cache, "labs", fmt.Sprint(s.number))
	if _, err := s.lock.WriteAt([]byte(s.dir), 0); err != nil {
		return err
	}
	// A machine that was rebooted has forgotten its sites, but not their disks.
	if err := errors.Join(os.RemoveAll(s.dir), os.MkdirAll(s.dir, 0o755)); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"link", "add", s.bridge(), "type", "bridge"},
		{"address", "add", s.subnet().String(), "dev", s.bridge()},
		{"link", "set", s.bridge(), "up"},
	} {
		if err := ip(args...); err != nil {
			return err
		}
	}
	return nil
}

// clean removes all that the site has but its number: processes, mounts, disks
// and the bridge, in this order.
func (s *site) clean() error {
	if err := s.cgroup().kill(); err != nil {
		return err
	}
	if err := unmountBelow(s.dir); err != nil {
		return err
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	if _, err := net.InterfaceByName(s.bridge()); err == nil {
		if err := ip("link", "delete", s.bridge()); err != nil {
			return err
		}
	}
	s.dir = ""
	return s.lock.Truncate(0)
}

// leave cleans the site up and gives the number back.
func (s *site) leave() error {
	return errors.Join(s.clean(), s.lock.Close())
}

// unmountBelow unmounts what is mounted in dir, the last one first.
func unmountBelow(dir string) error {
	points, err := mountPoints()
	if err != nil {
		return err
	}
	for _, p := range slices.Backward(points) {
		if !strings.HasPrefix(p, dir+"/") {
			continue
		}
		// Detached, because a test may still have a file of the host open.
		if err := syscall.Unmount(p, syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("cannot unmount %s: %w", p, err)
		}
	}
	return nil
}

// mountPoints reads what is mounted where, in the order of mounting
// (proc_pid_mountinfo(5): the fifth field, blanks and backslashes in octal).
func mountPoints() ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var points []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 4 {
			points = append(points, unescape.Replace(fields[4]))
		}
	}
	return points, nil
}

// ip runs ip(8).
func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
