package health

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/pkg/debian"
)

// wireVersion is raised whenever a program that knows only the version before
// would misunderstand a report. Older versions stay readable for ever.
const wireVersion = 2 // 1 had no facts, and no probes of the clock

// MaxReport bounds a report as it is sent, in bytes.
const MaxReport = 128 << 10

// maxPackages bounds Report.Packages.
const maxPackages = 1024

// maxBoot bounds Report.Boot, in bytes; a boot_id has 36.
const maxBoot = 64

// wireReport is a Report as it is sent, as JSON.
type wireReport struct {
	Version  int               `json:"version"`
	Boot     string            `json:"boot"`
	At       time.Time         `json:"at"`
	Packages map[string]string `json:"packages,omitempty"`
	Audit    string            `json:"audit,omitempty"`
	Results  []wireResult      `json:"results,omitempty"`
	Facts    *wireFacts        `json:"facts,omitempty"`
}

type wireResult struct {
	Probe  string     `json:"probe"`
	OK     bool       `json:"ok"`
	Since  *time.Time `json:"since,omitempty"`
	Output string     `json:"output,omitempty"`
	Skew   int64      `json:"max_skew_ms,omitempty"`
}

// Encode returns the report as it is sent.
func (r *Report) Encode() ([]byte, error) {
	w := wireReport{Version: wireVersion, Boot: r.Boot, At: r.At, Packages: r.Packages, Audit: Text(r.Audit), Facts: r.Facts.wire()}
	for _, result := range r.Results {
		w.Results = append(w.Results, result.wire())
	}
	data, err := json.Marshal(w)
	if err == nil {
		_, err = w.live(r.At)
	}
	if err == nil && len(data) > MaxReport {
		err = fmt.Errorf("it has %d bytes, and %d are the most", len(data), MaxReport)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot encode report: %w", err)
	}
	return data, nil
}

func (r Result) wire() wireResult {
	w := wireResult{Probe: r.Probe, OK: r.OK, Output: Text(r.Output), Skew: r.MaxSkew.Milliseconds()}
	if !r.Since.IsZero() {
		w.Since = &r.Since
	}
	return w
}

// Decode reads what Encode returned, now or in an older version of this program,
// received now. A report of a newer version, and one that is out of bounds, is
// refused; the error is fit to be shown, as the Report is.
func Decode(data []byte, received time.Time) (Report, error) {
	w, err := decodeStrict(data)
	if err != nil {
		return Report{}, refusal(err)
	}
	r, err := w.live(received)
	if err != nil {
		return Report{}, refusal(err)
	}
	return r, nil
}

// refusal says why a report is refused. The words of the host may be in it, at any
// length; where they begin is enough.
func refusal(why error) error {
	const most = 300
	return fmt.Errorf("cannot decode report: %s", Text(fmt.Sprintf("%.*s", most, why.Error())))
}

// decodeStrict refuses keys that this version does not have: a program that
// adds one raises the version. That is looked at first, since it explains the
// key; the decoder fills the rest in spite of one.
func decodeStrict(data []byte) (w wireReport, err error) {
	if len(data) > MaxReport {
		return w, fmt.Errorf("it has %d bytes, and %d are the most", len(data), MaxReport)
	}
	err = strictly(data, &w)
	switch {
	case w.Version > wireVersion, err == nil && w.Version < 1:
		return w, fmt.Errorf("it has version %d, and this program reads up to %d", w.Version, wireVersion)
	default:
		return w, err
	}
}

// live checks what came over the wire, and escapes it.
func (w *wireReport) live(received time.Time) (Report, error) {
	r := Report{Boot: w.Boot, At: w.At, Received: received, Packages: w.Packages, Audit: Text(w.Audit)}
	switch {
	case w.Boot == "" || len(w.Boot) > maxBoot || Text(w.Boot) != w.Boot:
		return r, fmt.Errorf("%.80q is no boot id", w.Boot)
	case w.At.IsZero():
		return r, errors.New("it does not say when it was made")
	case len(w.Results) > MaxProbes || len(w.Packages) > maxPackages:
		return r, fmt.Errorf("it has %d results and %d packages, and %d and %d are the most", len(w.Results), len(w.Packages), MaxProbes, maxPackages)
	}
	for name, version := range w.Packages {
		if err := errors.Join(validatePackage(name), debian.ValidateVersion(version)); err != nil {
			return r, err
		}
	}
	for _, sent := range w.Results {
		result, err := sent.live(&r)
		if err != nil {
			return r, err
		}
		r.Results = append(r.Results, result)
	}
	var err error
	r.Facts, err = w.Facts.live()
	return r, err
}

// live checks a result that is to join those of r, and judges a clock.
func (w wireResult) live(r *Report) (Result, error) {
	if _, twice := r.Result(w.Probe); twice || w.Probe == "" || len(w.Probe) > maxName || Text(w.Probe) != w.Probe {
		return Result{}, fmt.Errorf("%.80q is no name of a probe, or there twice", w.Probe)
	}
	live := Result{Probe: w.Probe, OK: w.OK, Output: Text(w.Output)}
	if w.Since != nil {
		live.Since = *w.Since
	}
	if w.Skew == 0 {
		return live, nil
	}
	clock := NewClock(time.Duration(w.Skew) * time.Millisecond)
	if w.Skew < 0 || w.Skew > MaxSkew.Milliseconds() || w.Probe != clock.Name() {
		return live, fmt.Errorf("%s cannot have a skew of %d ms", w.Probe, w.Skew)
	}
	return JudgeClock(clock, r.Ahead()), nil
}

// validatePackage takes what dpkg calls a package: NAME, or NAME:ARCHITECTURE.
func validatePackage(name string) error {
	name, arch, qualified := strings.Cut(name, ":")
	if qualified {
		if err := debian.ValidateArchitecture(arch); err != nil {
			return err
		}
	}
	return debian.ValidatePackageName(name)
}

// strictly decodes one JSON value with none but the keys that into has. Unless
// it is no JSON at all, into is filled although there is an error.
func strictly(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	return nil
}
