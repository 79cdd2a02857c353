package health

import "time"

// Report is what was found on a host at one moment.
type Report struct {
	Boot string    // the host's boot_id (random(4)): another one is another run of its kernel
	At   time.Time // when it was made, by the clock of whoever made it

	// Received is when the reader got it, by the reader's clock; it is not sent.
	Received time.Time

	Packages map[string]string // installed versions, of packages that dpkg is done with
	Audit    string            // what dpkg began and did not finish, in words; "" is nothing
	Results  []Result          // of the probes, one each
	Facts    *Facts            // nil where whoever made the report tells none
}

// Facts are what is worth knowing of a host although no gate waits for it.
type Facts struct {
	Agent          string    // version of the agent that tells them
	Upgrades       *Upgrades // nil is not known yet
	RebootRequired bool      // what is installed asks for one

	Memory    int64 // bytes that the host has
	Available int64 // bytes of them that programs can still get without swapping
}

// Upgrades is what apt would do with the lists that it has.
type Upgrades struct {
	Pending  int           // installed packages with a newer version
	Security int           // those of them whose newer version is a security update
	Lists    time.Duration // how old apt's lists are; 0 where there are none
}

// Result is what one probe found.
type Result struct {
	Probe  string // its Name
	OK     bool
	Since  time.Time // from when on it has been so without a break, by the clock of At; zero is not known
	Output string    // what it said last: printable lines, at most MaxOutput bytes

	// MaxSkew is that of a probe of the clock, and 0 for all others. Such a probe
	// is judged where the two clocks meet: by Decode.
	MaxSkew time.Duration
}

// Result returns the result of the probe of that name.
func (r *Report) Result(probe string) (Result, bool) {
	for _, result := range r.Results {
		if result.Probe == probe {
			return result, true
		}
	}
	return Result{}, false
}

// Since returns from when on a result has been as it is, by the reader's clock;
// zero if that is not known, or lies after the report.
func (r *Report) Since(result Result) time.Time {
	age := r.At.Sub(result.Since)
	if result.Since.IsZero() || age < 0 {
		return time.Time{}
	}
	return r.Received.Add(-age)
}

// Ahead returns how far the clock of whoever made the report is ahead of the
// reader's, the time that the report travelled being taken for nothing.
func (r *Report) Ahead() time.Duration { return r.At.Sub(r.Received) }
