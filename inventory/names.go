package inventory

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// allHosts is the selector of every host, and so can be no group's name.
const allHosts = "all"

// ValidateName says whether name can be that of a host or group. It goes into
// selectors, file names and the arguments of ssh, so it has letters, digits,
// dots, hyphens and underscores only, and starts with none of the signs. An IP
// address is a name too.
func ValidateName(name string) error {
	if name == "" {
		return errors.New("the name is empty")
	}
	if len(name) > 253 {
		return fmt.Errorf("the name %.20q... has more than 253 characters", name)
	}
	if addr, err := netip.ParseAddr(name); err == nil && addr.Zone() == "" {
		return nil
	}
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case i > 0 && strings.ContainsRune("._-", r):
		case strings.ContainsRune("._-", r):
			return fmt.Errorf("the name %q starts with %q", name, r)
		default:
			return fmt.Errorf("the name %q has a %q: letters, digits, dots, hyphens and underscores only", name, r)
		}
	}
	return nil
}
