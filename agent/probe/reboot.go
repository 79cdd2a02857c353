package probe

import (
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/aptfleet/aptfleet/pkg/debian"
)

// Reboot tells whether what is installed asks for a reboot. Its methods may be
// called concurrently.
type Reboot struct {
	File string // that packages leave for that, such as /run/reboot-required
	Dpkg *Dpkg

	mu     sync.Mutex
	of     *debian.Database // for which kernel was found out
	kernel bool
}

// Required reports that the file is there, or that a newer kernel of the running
// one's flavour is installed: not all hosts have somebody to leave the file.
func (r *Reboot) Required() (bool, error) {
	if _, err := os.Stat(r.File); err == nil {
		return true, nil
	}
	db, _, err := r.Dpkg.read()
	if err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of != db {
		r.of, r.kernel = db, newerKernel(release(), db)
	}
	return r.kernel, nil
}

// release returns that of the running kernel; "" where it is not known.
func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// newerKernel reports that a package linux-image-VERSION-FLAVOUR is newer than
// the one of the running release, such as 6.1.0-18-amd64, which is installed too:
// else that is not a kernel of dpkg's.
func newerKernel(release string, db *debian.Database) bool {
	const image = "linux-image-"
	running, flavour := splitRelease(release)
	if _, installed := db.Version(image + release); flavour == "" || !installed {
		return false
	}
	for name := range db.Installed() {
		other, isImage := strings.CutPrefix(name, image)
		version, of := splitRelease(other)
		if isImage && of == flavour && debian.CompareVersions(version, running) > 0 {
			return true
		}
	}
	return false
}

// splitRelease splits a kernel's release before the first part that begins with
// a letter: 6.1.0-18 and cloud-amd64.
func splitRelease(release string) (version, flavour string) {
	for i := 1; i < len(release); i++ {
		if release[i-1] == '-' && release[i] >= 'a' && release[i] <= 'z' {
			return release[:i-1], release[i:]
		}
	}
	return release, ""
}
