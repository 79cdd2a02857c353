package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// Repository says where the apt repository is and what it is called.
type Repository struct {
	Root   string   // folder
	URL    string   // how hosts reach it, without a slash at the end; "" is not said
	Origin string   // frozen when the repository is made, as is Label
	Label  string   // Origin where the file does not say
	Suites []string // at least one
	Keep   int      // versions kept of each package in each suite
	Key    string   // file of the private signing key
}

type repositoryTable struct {
	Root   string   `toml:"root"`
	URL    string   `toml:"url"`
	Origin string   `toml:"origin"`
	Label  string   `toml:"label"`
	Suites []string `toml:"suites"`
	Keep   int      `toml:"keep"`
	Key    string   `toml:"key"`
}

func (t *repositoryTable) resolve(source *tomlfile.File, state string) Repository {
	if t.Root == "" {
		t.Root = filepath.Join(state, "repository")
	}
	if t.Label == "" {
		t.Label = t.Origin
	}
	return Repository{
		Root: source.Path(t.Root), URL: strings.TrimRight(t.URL, "/"), Origin: t.Origin, Label: t.Label,
		Suites: t.Suites, Keep: t.Keep, Key: source.Path(t.Key),
	}
}

func (t *repositoryTable) validate(source *tomlfile.File) error {
	var errs []error
	check := func(err error, key ...string) {
		if err != nil {
			errs = append(errs, source.Errorf(tomlfile.Key{"repository"}.With(key...), "%w", err))
		}
	}
	if strings.Contains(t.Root, "://") {
		check(fmt.Errorf("%q is an address: only folders can hold the repository", t.Root), "root")
	}
	check(validateURL(t.URL), "url")
	check(validateField(t.Origin), "origin")
	if t.Label != "" {
		check(validateField(t.Label), "label")
	}
	if len(t.Suites) == 0 {
		check(errors.New("a repository has at least one suite"), "suites")
	}
	seen := map[string]bool{}
	for i, suite := range t.Suites {
		check(validateSuite(suite, seen), "suites", tomlfile.Index(i))
		seen[suite] = true
	}
	if t.Keep < 1 {
		check(fmt.Errorf("%d versions is less than one", t.Keep), "keep")
	}
	if t.Key == "" {
		check(errors.New("is empty"), "key")
	}
	return errors.Join(errs...)
}

// validateURL takes what apt and a web browser both reach, and no password: it
// would be on every host.
func validateURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return fmt.Errorf("%q is no address such as \"http://deploy.example.com:8071\"", s)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.ContainsAny(s, " #\t\r\n"):
		return fmt.Errorf("%q has more than a host, a port and a path", u.Redacted())
	}
	return nil
}

// validateField takes what can be the value of a field in a Release file.
func validateField(s string) error {
	if s == "" || s != strings.TrimSpace(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%q is empty, has blanks around it or control characters in it", s)
	}
	return nil
}

// validateSuite takes what can be a folder below dists and a word in a source.
func validateSuite(s string, seen map[string]bool) error {
	if seen[s] {
		return fmt.Errorf("the suite %q is there twice", s)
	}
	allowed := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._+~-", r)
	}
	if s == "" || strings.ContainsAny(s[:1], "._+~-") || strings.ContainsFunc(s, func(r rune) bool { return !allowed(r) }) {
		return fmt.Errorf("the suite's name %q is empty, starts with a sign, or has others than letters, digits and ._+~-", s)
	}
	return nil
}
