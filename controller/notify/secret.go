package notify

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Secret is where a secret is: in a file, or in a variable of the environment.
// The zero value is none.
type Secret struct {
	File string
	Env  string
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s == Secret{} }

// Read returns the secret as it is now, without the end of its line.
func (s Secret) Read() (string, error) {
	value := os.Getenv(s.Env)
	if s.File != "" {
		data, err := os.ReadFile(s.File)
		if err != nil {
			return "", fmt.Errorf("cannot read the secret: %w", err)
		}
		value = strings.TrimRight(string(data), "\r\n")
	}
	if value == "" {
		return "", errors.New("cannot read the secret: " + s.String() + " is empty")
	}
	return value, nil
}

// Validate refuses a secret with two places.
func (s Secret) Validate() error {
	if s.File != "" && s.Env != "" {
		return errors.New("a secret is in a file or in the environment, not in both")
	}
	return nil
}

// String says where the secret is, not what.
func (s Secret) String() string {
	if s.File != "" {
		return s.File
	}
	return "$" + s.Env
}
