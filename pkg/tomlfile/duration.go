package tomlfile

import (
	"fmt"
	"time"
)

// Duration is a length of time, written with its unit: "30s", "1h30m". It is
// never negative.
type Duration time.Duration

// UnmarshalText reads what time.ParseDuration does.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil || parsed < 0 {
		return fmt.Errorf("%q is no length of time such as \"30s\" or \"1h30m\"", text)
	}
	*d = Duration(parsed)
	return nil
}

// String returns the duration as it is written in a file.
func (d Duration) String() string { return time.Duration(d).String() }
