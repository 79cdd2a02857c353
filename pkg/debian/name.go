package debian

import (
	"errors"
	"fmt"
	"strings"
)

// ValidatePackageName tells why s is no package name: at least two of the
// characters a-z, 0-9, "+", "-" and ".", the first a letter or a digit (Debian
// policy 5.6.1).
func ValidatePackageName(s string) error {
	if err := checkWord(s, "+-."); err != nil {
		return fmt.Errorf("%q is not a package name: %w", s, err)
	}
	if len(s) < 2 {
		return fmt.Errorf("%q is not a package name: it is shorter than two characters", s)
	}
	return nil
}

// ValidateArchitecture tells why s is not the architecture of a binary package.
// "all" is one; "any" and other wildcards belong to source packages.
func ValidateArchitecture(s string) error {
	if err := checkWord(s, "-"); err != nil {
		return fmt.Errorf("%q is not an architecture: %w", s, err)
	}
	if s == "any" || s == "source" || s == "native" || strings.HasPrefix(s, "any-") || strings.HasSuffix(s, "-any") {
		return fmt.Errorf("%q is not an architecture: a binary package has one, or all", s)
	}
	return nil
}

// checkWord accepts lower case letters, digits and punctuation, the first a
// letter or a digit.
func checkWord(s, punctuation string) error {
	if s == "" {
		return errors.New("it is empty")
	}
	if !isLower(s[0]) && !isDigit(s[0]) {
		return errors.New("it does not begin with a lower case letter or a digit")
	}
	for i := range len(s) {
		if c := s[i]; !isLower(c) && !isDigit(c) && strings.IndexByte(punctuation, c) < 0 {
			return fmt.Errorf("it contains %q", s[i:i+1])
		}
	}
	return nil
}
