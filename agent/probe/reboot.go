package probe

import (
	"bytes"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/aptfleet/aptfleet/pkg/debian"
)

// RebootRequired reports that what is installed asks for a reboot: by the file
// that packages leave for that, or because a newer kernel of the running one's
// flavour is installed, which not all hosts have somebody to tell.
func RebootRequired(asks string, db *debian.Database) bool {
	if _, err := os.Stat(asks); err == nil {
		return true
	}
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	return newerKernel(string(u.Release[:bytes.IndexByte(u.Release[:], 0)]), db)
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
