package simhost

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Fault is a way in which a host misbehaves.
type Fault string

const (
	None     Fault = ""
	Refuse   Fault = "refuse"   // refuses the connection; where one socket serves all hosts, resets it instead
	Mute     Fault = "mute"     // accepts the connection and never says a word
	WrongKey Fault = "wrongkey" // shows another host key than the one in known_hosts
	NoAuth   Fault = "noauth"   // refuses every client key
	Slow     Fault = "slow"     // takes Options.Slow longer for each command
	Hang     Fault = "hang"     // never ends a command
	Drop     Fault = "drop"     // the connection goes while a command runs
	Lock     Fault = "lock"     // the dpkg lock is held by something else
	Fail     Fault = "fail"     // a maintainer script fails
)

var faults = []Fault{Refuse, Mute, WrongKey, NoAuth, Slow, Hang, Drop, Lock, Fail}

// FaultFunc says how a host misbehaves. It is asked again at each connection,
// from several goroutines at once, so that a host can be mended.
type FaultFunc func(host int) Fault

// Share is a part of the fleet with one fault.
type Share struct {
	Fault Fault
	Of1   float64 // 0.05 is five hosts of a hundred
}

// Shares spread faults over the fleet: always the same hosts, evenly, and of N
// hosts the share to within one or two.
type Shares []Share

// Of is a FaultFunc.
func (s Shares) Of(host int) Fault {
	// Multiples of the golden ratio, modulo 1, fill the unit interval evenly
	// however many there are.
	_, x := math.Modf(float64(host+1) * math.Phi)
	for _, share := range s {
		if x < share.Of1 {
			return share.Fault
		}
		x -= share.Of1
	}
	return None
}

// ParseShares reads "mute:1%,lock:0.05"; "" is no share.
func ParseShares(text string) (Shares, error) {
	var shares Shares
	total := 0.0
	for _, item := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		share, err := parseShare(item)
		if err != nil {
			return nil, fmt.Errorf("cannot read share of faults %q: %w", item, err)
		}
		total += share.Of1
		shares = append(shares, share)
	}
	if total > 1+1e-9 {
		return nil, fmt.Errorf("shares of faults %q add up to more than all hosts", text)
	}
	return shares, nil
}

func parseShare(item string) (Share, error) {
	name, number, _ := strings.Cut(item, ":")
	if !slices.Contains(faults, Fault(name)) {
		return Share{}, fmt.Errorf("there is no fault %q, only %q", name, faults)
	}
	digits, percent := strings.CutSuffix(number, "%")
	share, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return Share{}, err
	}
	if percent {
		share /= 100
	}
	if !(share >= 0 && share <= 1) {
		return Share{}, fmt.Errorf("%v is not between nothing and all", number)
	}
	return Share{Fault(name), share}, nil
}
