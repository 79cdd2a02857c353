package gate

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed round.sh
var roundScript string

// command is one command of a round on a host.
type command struct {
	limit time.Duration
	bytes int // of its output that are kept, the last ones
	argv  []string
}

// outcome is how a task ended.
type outcome struct {
	output string
	status int // 124 is timeout's own (timeout(1))
}

// What fits one write to a pipe once it is written in hex (pipe(7)).
const briefly = 1500

// frontLimit is the time of those that every round begins with.
const frontLimit = 10 * time.Second

// script returns the command that runs the first tasks one after the other, and
// the rest at once.
func script(first, rest []command) []string {
	args := []string{"sh", "-c", roundScript, "sh", strconv.Itoa(len(first))}
	for _, t := range slices.Concat(first, rest) {
		seconds := int((t.limit + time.Second - 1) / time.Second)
		args = append(args, strconv.Itoa(seconds), strconv.Itoa(t.bytes), strconv.Itoa(len(t.argv)))
		args = append(args, t.argv...)
	}
	return args
}

// parseRound reads what n tasks printed.
func parseRound(out string, n int) ([]outcome, error) {
	outcomes := make([]outcome, n)
	seen := make([]bool, n)
	lines := strings.Split(out, "\n")
	if len(lines) != n+2 || lines[n] != "end" || lines[n+1] != "" {
		return nil, fmt.Errorf("cannot read the host's answer: %d lines, want %d and an end: %.200q", len(lines)-1, n, out)
	}
	for _, line := range lines[:n] {
		number, text, _ := strings.Cut(line, " ")
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= n || seen[i] {
			return nil, fmt.Errorf("cannot read the host's answer: %.80q begins with no task that was asked for", line)
		}
		seen[i] = true
		if outcomes[i], err = parseOutcome(text); err != nil {
			return nil, fmt.Errorf("cannot read the host's answer %.80q: %w", line, err)
		}
	}
	return outcomes, nil
}

// parseOutcome reads STATUS HEX.
func parseOutcome(text string) (outcome, error) {
	first, code, _ := strings.Cut(text, " ")
	status, err := strconv.ParseUint(first, 10, 8)
	if err != nil {
		return outcome{}, fmt.Errorf("%q is no exit status", first)
	}
	output, err := hex.DecodeString(code)
	return outcome{string(output), int(status)}, err
}
