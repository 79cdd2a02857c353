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
const wireVersion = 1

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
}

type wireResult struct {
	Probe  string     `json:"probe"`
	OK     bool       `json:"ok"`
	Since  *time.Time `json:"since,omitempty"`
	Output string     `json:"output,omitempty"`
}

// Encode returns the report as it is sent.
func (r *Report) Encode() ([]byte, error) {
	w := wireReport{Version: wireVersion, Boot: r.Boot, At: r.At, Packages: r.Packages, Audit: Text(r.Audit)}
	for _, result := range r.Results {
		sent := wireResult{Probe: result.Probe, OK: result.OK, Output: Text(result.Output)}
		if !result.Since.IsZero() {
			sent.Since = &result.Since
		}
		w.Results = append(w.Results, sent)
	}
	data, err := json.Marshal(w)
	if err == nil {
		_, err = w.live()
	}
	if err == nil && len(data) > MaxReport {
		err = fmt.Errorf("it has %d bytes, and %d are the most", len(data), MaxReport)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot encode report: %w", err)
	}
	return data, nil
}

// Decode reads what Encode returned, now or in an older version of this program,
// received now. A report of a newer version, and one that is out of bounds, is
// refused.
func Decode(data []byte, received time.Time) (Report, error) {
	w, err := decodeStrict(data)
	if err != nil {
		return Report{}, fmt.Errorf("cannot decode report: %w", err)
	}
	r, err := w.live()
	if err != nil {
		return Report{}, fmt.Errorf("cannot decode report: %w", err)
	}
	r.Received = received
	return r, nil
}

// decodeStrict refuses keys that this version does not have: a program that
// adds one raises the version. That is looked at first, since it explains the
// key; the decoder fills the rest in spite of one.
func decodeStrict(data []byte) (w wireReport, err error) {
	if len(data) > MaxReport {
		return w, fmt.Errorf("it has %d bytes, and %d are the most", len(data), MaxReport)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err = dec.Decode(&w)
	switch {
	case w.Version > wireVersion, err == nil && w.Version < 1:
		return w, fmt.Errorf("it has version %d, and this program reads up to %d", w.Version, wireVersion)
	case err != nil:
		return w, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return w, errors.New("something follows it")
	}
	return w, nil
}

// live checks what came over the wire, and escapes it.
func (w *wireReport) live() (Report, error) {
	r := Report{Boot: w.Boot, At: w.At, Packages: w.Packages, Audit: Text(w.Audit)}
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
	for _, result := range w.Results {
		if _, twice := r.Result(result.Probe); twice || result.Probe == "" || len(result.Probe) > maxName || Text(result.Probe) != result.Probe {
			return r, fmt.Errorf("%.80q is no name of a probe, or there twice", result.Probe)
		}
		live := Result{Probe: result.Probe, OK: result.OK, Output: Text(result.Output)}
		if result.Since != nil {
			live.Since = *result.Since
		}
		r.Results = append(r.Results, live)
	}
	return r, nil
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
