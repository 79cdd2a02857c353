package debian

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"pault.ag/go/debian/version"
)

// CompareVersions orders two versions as dpkg does: negative if a is older than
// b, zero if they are equal, positive if a is newer. The epoch counts first,
// the revision starts at the last hyphen, and "~" sorts before the end.
//
// Strings that ValidateVersion refuses have an order too, so that sorting is
// safe with any input, but dpkg knows none for them.
func CompareVersions(a, b string) int {
	return version.Compare(splitVersion(a), splitVersion(b))
}

// ValidateVersion tells why s is no version, by the rules of deb-version(7):
// [epoch:]upstream[-revision]. It is as strict as dpkg-deb when it builds, where
// an upstream version must begin with a digit.
func ValidateVersion(s string) error {
	if err := checkVersion(s); err != nil {
		return fmt.Errorf("%q is not a version: %w", s, err)
	}
	return nil
}

func checkVersion(s string) error {
	epoch, rest, hasEpoch := strings.Cut(s, ":")
	if !hasEpoch {
		rest = s
	} else if _, err := strconv.ParseUint(epoch, 10, 31); err != nil { // dpkg keeps epochs in an int
		return errors.New("its epoch is not a number between 0 and 2147483647")
	}
	upstream, revision, hasRevision := cutLast(rest, "-")
	switch {
	case upstream == "":
		return errors.New("it is empty")
	case hasRevision && revision == "":
		return errors.New("its revision is empty")
	case !isDigit(upstream[0]):
		return errors.New("it does not begin with a digit")
	}
	if i := strings.IndexFunc(upstream, notIn(".-+~:")); i >= 0 {
		return fmt.Errorf("it contains %q", upstream[i:i+1])
	}
	if i := strings.IndexFunc(revision, notIn(".+~")); i >= 0 {
		return fmt.Errorf("its revision contains %q", revision[i:i+1])
	}
	return nil
}

// WithoutEpoch returns the version as it stands in the name of a .deb, which
// leaves the epoch out.
func WithoutEpoch(s string) string {
	if _, rest, ok := strings.Cut(s, ":"); ok {
		return rest
	}
	return s
}

// InstalledVersion returns the version as dpkg writes it down once a package with
// it is installed: without an epoch of zero, but where a colon follows, and without
// zeros before another.
func InstalledVersion(s string) string {
	epoch, rest, ok := strings.Cut(s, ":")
	if !ok {
		return s
	}
	epoch = strings.TrimLeft(epoch, "0")
	switch {
	case epoch != "":
		return epoch + ":" + rest
	case strings.Contains(rest, ":"):
		return "0:" + rest
	}
	return rest
}

// splitVersion takes a version apart without judging it. An epoch that is no
// number stays part of the upstream version.
func splitVersion(s string) version.Version {
	var v version.Version
	if epoch, rest, ok := strings.Cut(s, ":"); ok {
		if n, err := strconv.ParseUint(epoch, 10, 31); err == nil {
			v.Epoch, s = uint(n), rest
		}
	}
	v.Version, v.Revision, _ = cutLast(s, "-")
	return v
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isLower(c byte) bool { return c >= 'a' && c <= 'z' }

// notIn returns a function that reports whether a rune is neither an ASCII
// letter or digit nor one of punctuation.
func notIn(punctuation string) func(rune) bool {
	return func(r rune) bool {
		alnum := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !alnum && !strings.ContainsRune(punctuation, r)
	}
}
