package health

import (
	"encoding/json"
	"fmt"
)

// MaxWatched bounds the packages that a Request may ask for.
const MaxWatched = 256

// Request is what a reader asks of a host's agent beyond its probes.
type Request struct {
	Packages []string `json:"packages,omitempty"` // whose versions are wanted, with or without an architecture
}

// Encode returns the request as it is sent.
func (r Request) Encode() ([]byte, error) {
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("cannot encode request: %w", err)
	}
	return json.Marshal(r)
}

// DecodeRequest reads what Request.Encode returned; nothing at all is a request
// for nothing more. Whatever asks for something that this version does not know
// is refused.
func DecodeRequest(data []byte) (r Request, err error) {
	if len(data) == 0 {
		return r, nil
	}
	if len(data) > MaxReport {
		err = fmt.Errorf("it has %d bytes, and %d are the most", len(data), MaxReport)
	} else if err = strictly(data, &r); err == nil {
		err = r.validate()
	}
	if err != nil {
		return Request{}, fmt.Errorf("cannot decode request: %w", err)
	}
	return r, nil
}

func (r Request) validate() error {
	if len(r.Packages) > MaxWatched {
		return fmt.Errorf("%d packages are more than %d", len(r.Packages), MaxWatched)
	}
	for _, name := range r.Packages {
		if err := validatePackage(name); err != nil {
			return err
		}
	}
	return nil
}
