package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// Settings are what agent.toml says.
type Settings struct {
	Servers  []string      // where the controller is, any of them: tls://HOST:PORT
	CA       string        // file with the certificates that a server's must come from
	Interval time.Duration // between two reports and between two looks; 10 s if not said
}

// Bounds of Settings.Interval.
const (
	defaultInterval = 10 * time.Second
	minInterval     = time.Second
	maxInterval     = time.Hour
)

type settingsTable struct {
	Servers  []string          `toml:"servers"`
	CA       string            `toml:"ca"`
	Interval tomlfile.Duration `toml:"interval"`
}

// LoadSettings reads agent.toml.
func LoadSettings(path string) (Settings, error) {
	var t settingsTable
	file, err := tomlfile.Read(path, &t)
	if err != nil {
		return Settings{}, err
	}
	s := Settings{Servers: t.Servers, CA: t.CA, Interval: time.Duration(t.Interval)}
	if s.Interval == 0 {
		s.Interval = defaultInterval
	}
	return s, errors.Join(s.validateServers(file), s.validateRest(file))
}

func (s Settings) validateServers(file *tomlfile.File) error {
	if len(s.Servers) == 0 {
		return file.Errorf(tomlfile.Key{"servers"}, "want at least one, such as \"tls://deploy.example.com:8072\"")
	}
	for i, server := range s.Servers {
		u, err := url.Parse(server)
		if err != nil || u.Scheme != "tls" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
			return file.Errorf(tomlfile.Key{"servers", tomlfile.Index(i)}, "%q is not of the form tls://HOST:PORT", server)
		}
	}
	return nil
}

func (s Settings) validateRest(file *tomlfile.File) error {
	if s.CA == "" {
		return file.Errorf(tomlfile.Key{"ca"}, "want the file with the controller's certificate authority")
	}
	if s.Interval < minInterval || s.Interval > maxInterval {
		return file.Errorf(tomlfile.Key{"interval"}, "must be between %v and %v, is %v", minInterval, maxInterval, s.Interval)
	}
	return nil
}

// LoadProbes reads probes.json. Where there is none, nothing is probed.
func LoadProbes(path string) ([]health.Probe, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, errors.Unwrap(err))
	}
	probes, err := health.DecodeProbes(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return probes, nil
}
