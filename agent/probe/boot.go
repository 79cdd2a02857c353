package probe

import (
	"fmt"
	"os"
	"strings"
)

// Boot returns the host's boot_id (random(4)).
func Boot() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("cannot read the host's boot id: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}
