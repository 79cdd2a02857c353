package inventory

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// settings are the keys that defaults, groups and hosts have in common. What is
// nil was not said.
type settings struct {
	Port           *int               `toml:"port"`
	User           *string            `toml:"user"`
	Identity       *string            `toml:"identity"`
	Jump           *string            `toml:"jump"`
	Become         *string            `toml:"become"`
	ConnectTimeout *tomlfile.Duration `toml:"connect_timeout"`
	KnownHosts     []string           `toml:"known_hosts"`
	Tunnel         *bool              `toml:"tunnel"`
	Chroot         *string            `toml:"chroot"`
	Mutex          *string            `toml:"mutex"`
	Labels         map[string]string  `toml:"labels"`
	Health         *healthTable       `toml:"health"`
}

// choice is one thing that a table says about its hosts. Two tables that choose
// the same value agree.
type choice struct {
	value string
	at    tomlfile.Key // below the table
	set   func(*Host)
}

// choices returns what the table says, by key. Each label and each probe is a
// key of its own, so that two groups may each label a host.
func (s *settings) choices(file *tomlfile.File) map[string]choice {
	c := map[string]choice{}
	choose(c, "port", s.Port, func(h *Host, v int) { h.Port = v })
	choose(c, "user", s.User, func(h *Host, v string) { h.User = v })
	choose(c, "identity", s.Identity, func(h *Host, v string) { h.Identity = file.Path(v) })
	choose(c, "jump", s.Jump, func(h *Host, v string) { h.Jump = v })
	choose(c, "become", s.Become, func(h *Host, v string) { h.Become = v })
	choose(c, "connect_timeout", s.ConnectTimeout, func(h *Host, v tomlfile.Duration) { h.ConnectTimeout = time.Duration(v) })
	choose(c, "tunnel", s.Tunnel, func(h *Host, v bool) { h.Tunnel = v })
	choose(c, "chroot", s.Chroot, func(h *Host, v string) { h.Chroot = v })
	choose(c, "mutex", s.Mutex, func(h *Host, v string) { h.Mutex = v })
	if s.KnownHosts != nil {
		choose(c, "known_hosts", &s.KnownHosts, func(h *Host, v []string) {
			h.KnownHosts = nil
			for _, p := range v {
				h.KnownHosts = append(h.KnownHosts, file.Path(p))
			}
		})
	}
	for name, value := range s.Labels {
		choose(c, "labels."+name, &value, func(h *Host, v string) { h.Labels[name] = v })
	}
	s.Health.choose(c)
	return c
}

func choose[T any](to map[string]choice, key string, value *T, set func(*Host, T)) {
	if value != nil {
		to[key] = choice{fmt.Sprintf("%q", fmt.Sprint(*value)), strings.SplitN(key, ".", 2), func(h *Host) { set(h, *value) }}
	}
}

// validate returns an error for each value that cannot be meant; at is the key of
// the table.
func (s *settings) validate(file *tomlfile.File, at tomlfile.Key) error {
	var errs []error
	check := func(key string, err error) {
		if err != nil {
			errs = append(errs, file.Errorf(at.With(key), "%w", err))
		}
	}
	if s.Port != nil && (*s.Port < 1 || *s.Port > 65535) {
		check("port", fmt.Errorf("%d is no port: 1 to 65535", *s.Port))
	}
	check("user", validateWord(s.User))
	check("identity", validateSet(s.Identity))
	check("mutex", validateSet(s.Mutex))
	check("jump", validateJump(s.Jump))
	check("chroot", validateChroot(s.Chroot))
	if s.Become != nil && *s.Become != "sudo" && *s.Become != "none" {
		check("become", fmt.Errorf("%q is neither \"sudo\" nor \"none\"", *s.Become))
	}
	if s.ConnectTimeout != nil && *s.ConnectTimeout == 0 {
		check("connect_timeout", errors.New("must be longer than 0s"))
	}
	if slices.Contains(s.KnownHosts, "") {
		check("known_hosts", errors.New("one of the paths is empty"))
	}
	errs = append(errs, s.Health.validate(file, at))
	return errors.Join(errs...)
}

func validateSet(s *string) error {
	if s != nil && *s == "" {
		return errors.New("is empty")
	}
	return nil
}

// validateWord refuses what ssh would take for an option or for two arguments.
func validateWord(s *string) error {
	if s != nil && (*s == "" || strings.HasPrefix(*s, "-") || strings.ContainsAny(*s, " \t\r\n\x00")) {
		return fmt.Errorf("%q is empty, starts with a hyphen or has blanks in it", *s)
	}
	return nil
}

// validateJump takes what ssh's ProxyJump does, "none" for no jump included.
func validateJump(s *string) error {
	if s == nil {
		return nil
	}
	for hop := range strings.SplitSeq(*s, ",") {
		host := hop[strings.LastIndexByte(hop, '@')+1:]
		if validateWord(&hop) != nil || validateWord(&host) != nil {
			return fmt.Errorf("%q is no [user@]host[:port] with commas between several", *s)
		}
	}
	return nil
}

func validateChroot(s *string) error {
	if s != nil && (!path.IsAbs(*s) || path.Clean(*s) != *s || *s == "/") {
		return fmt.Errorf("%q must be the absolute path of a folder other than /, without . and .. in it", *s)
	}
	return nil
}
