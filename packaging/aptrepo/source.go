package aptrepo

import (
	"bytes"
	"fmt"
	"strings"
)

// Source returns the deb822 text for /etc/apt/sources.list.d/NAME.sources on a
// host that reaches the repository at url. The public keys stand in it, so that
// one file is all that a host needs (sources.list(5)). A suite that is not there is
// an error that wraps ErrNoSuite.
func (r *Repository) Source(url string, suites ...string) ([]byte, error) {
	public, err := r.keys.PublicArmored()
	if err != nil {
		return nil, err
	}
	for _, suite := range suites {
		if err := validateSuite(suite); err != nil {
			return nil, err
		}
		if _, err := r.readRelease(suite); err != nil {
			return nil, err // a source of it would fail every apt-get update
		}
	}
	var signedBy bytes.Buffer
	for line := range strings.Lines(string(public)) {
		line = strings.TrimSpace(line)
		if line == "" {
			line = "." // a blank line would end the stanza
		}
		fmt.Fprintf(&signedBy, " %s\n", line)
	}
	return fmt.Appendf(nil, "Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By:\n%s",
		url, strings.Join(suites, " "), component, &signedBy), nil
}
