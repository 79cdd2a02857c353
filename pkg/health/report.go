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
}

// Result is what one probe found.
type Result struct {
	Probe  string // its Name
	OK     bool
	Since  time.Time // from when on it has been so without a break, by the clock of At; zero is not known
	Output string    // what it said last: printable lines, at most MaxOutput bytes
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
