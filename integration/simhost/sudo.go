package simhost

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Sudo is how a host's sudo behaves. The zero Sudo lets everyone do everything.
type Sudo struct {
	Absent   bool   // there is no sudo
	Password string // asked for with -S, refused with -n
}

// ask plays sudo up to where it would run the command; where it would not,
// status is its exit status.
func (s Sudo) ask(c Command, flags []string) (status int, may bool) {
	switch {
	case s.Absent:
		fmt.Fprintln(c.Stderr, "sh: 1: sudo: not found")
		return 127, false
	case s.Password == "":
		return 0, true
	case slices.Contains(flags, "-n"):
		fmt.Fprintln(c.Stderr, "sudo: a password is required")
		return 1, false
	case !slices.Contains(flags, "-S"):
		fmt.Fprintln(c.Stderr, "sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper")
		return 1, false
	}
	return s.readPassword(c, prompt(c.User, flags))
}

// readPassword asks three times, as sudo does.
func (s Sudo) readPassword(c Command, prompt string) (status int, may bool) {
	input := bufio.NewReaderSize(c.Stdin, 16) // what it reads ahead is lost to the command
	for range 3 {
		io.WriteString(c.Stderr, prompt)
		line, err := input.ReadString('\n')
		if strings.TrimSuffix(line, "\n") == s.Password {
			return 0, true
		}
		if err != nil {
			break
		}
		fmt.Fprintln(c.Stderr, "Sorry, try again.")
	}
	fmt.Fprintln(c.Stderr, "sudo: 3 incorrect password attempts")
	return 1, false
}

func prompt(user string, flags []string) string {
	if i := slices.Index(flags, "-p"); i >= 0 && i+1 < len(flags) {
		return flags[i+1]
	}
	return "[sudo] password for " + user + ": "
}
