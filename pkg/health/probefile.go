package health

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// probesVersion is raised whenever a program that knows only the version before
// would misunderstand a file of probes. Older versions stay readable.
const probesVersion = 1

// maxProbesFile bounds a file of probes, in bytes.
const maxProbesFile = 1 << 20

// wireProbes is a file of probes, as JSON.
type wireProbes struct {
	Version int         `json:"version"`
	Probes  []wireProbe `json:"probes"`
}

// wireProbe is a Probe as it is stored. What a kind does not have is left out,
// and so is the target where the kind itself or the command says it.
type wireProbe struct {
	Kind      Kind     `json:"kind"`
	Target    string   `json:"target,omitempty"`
	Status    int      `json:"status,omitempty"`
	Contains  string   `json:"contains,omitempty"`
	MinFree   int64    `json:"min_free,omitempty"`
	MaxSkewMS int64    `json:"max_skew_ms,omitempty"`
	Argv      []string `json:"argv,omitempty"`
	TimeoutMS int64    `json:"timeout_ms,omitempty"`
}

// EncodeProbes returns the probes of a host as they are stored for its agent.
// The same probes give the same bytes.
func EncodeProbes(probes []Probe) ([]byte, error) {
	if err := ValidateAll(probes); err != nil {
		return nil, fmt.Errorf("cannot encode probes: %w", err)
	}
	w := wireProbes{Version: probesVersion, Probes: make([]wireProbe, len(probes))}
	for i, p := range probes {
		w.Probes[i] = wireProbe{
			Kind: p.Kind, Target: p.Target, Status: p.Status, Contains: p.Contains, MinFree: p.MinFree,
			MaxSkewMS: milliseconds(p.MaxSkew), Argv: p.Argv, TimeoutMS: milliseconds(p.Timeout),
		}
		if p.Kind == Command {
			w.Probes[i].Target = ""
		}
	}
	data, err := json.MarshalIndent(w, "", "  ")
	if err == nil && len(data) > maxProbesFile {
		err = fmt.Errorf("they have %d bytes, and %d are the most", len(data), maxProbesFile)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot encode probes: %w", err)
	}
	return append(data, '\n'), nil
}

// milliseconds rounds up, so that what is more than nothing stays so.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// DecodeProbes reads what EncodeProbes returned, now or in an older version of
// this program. Unknown keys, a newer version and probes that cannot be meant
// are refused.
func DecodeProbes(data []byte) ([]Probe, error) {
	probes, err := decodeProbes(data)
	if err != nil {
		return nil, fmt.Errorf("cannot decode probes: %w", err)
	}
	return probes, nil
}

func decodeProbes(data []byte) ([]Probe, error) {
	if len(data) > maxProbesFile {
		return nil, fmt.Errorf("they have %d bytes, and %d are the most", len(data), maxProbesFile)
	}
	var w wireProbes
	err := strictly(data, &w)
	switch {
	case w.Version > probesVersion, err == nil && w.Version < 1:
		return nil, fmt.Errorf("they have version %d, and this program reads up to %d", w.Version, probesVersion)
	case err != nil:
		return nil, err
	}
	var probes []Probe
	for _, stored := range w.Probes {
		p, err := stored.live()
		if err != nil {
			return nil, err
		}
		probes = append(probes, p)
	}
	return probes, ValidateAll(probes)
}

// live turns what is stored into a probe, which is yet to be validated.
func (w wireProbe) live() (Probe, error) {
	const most = int64(math.MaxInt64 / time.Millisecond)
	if w.MaxSkewMS < -most || w.MaxSkewMS > most || w.TimeoutMS < -most || w.TimeoutMS > most {
		return Probe{}, fmt.Errorf("%s %s: a time is out of bounds", w.Kind, w.Target)
	}
	p := Probe{
		Kind: w.Kind, Target: w.Target, Status: w.Status, Contains: w.Contains, MinFree: w.MinFree,
		MaxSkew: time.Duration(w.MaxSkewMS) * time.Millisecond, Argv: w.Argv, Timeout: time.Duration(w.TimeoutMS) * time.Millisecond,
	}
	if p.Kind == Command && p.Target == "" {
		p.Target = NewCommand(p.Argv...).Target
	}
	return p, nil
}
