package aptrepo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/packaging/sign"
	"github.com/aptfleet/aptfleet/pkg/debian"
)

// Repository is a signed archive of packages. Its methods may be called
// concurrently, also by several processes; those that change it wait for each
// other, those that read never wait.
type Repository struct {
	files    Files
	keys     *sign.Keyring
	settings Settings
	now      func() time.Time
}

// Settings are what hosts remember of a repository. Origin and Label can't be
// changed later, nor can a suite be renamed: apt refuses a release that does.
type Settings struct {
	Origin        string   `json:"origin"`
	Label         string   `json:"label"`         // "" stands for the origin
	Suites        []string `json:"suites"`        // more can be added
	Architectures []string `json:"architectures"` // those that a suite has from the start; none stands for amd64. Others come with their first package
}

// identity is the stored form of Settings.
type identity struct {
	Version int `json:"version"`
	Settings
}

const (
	identityName    = stateDir + "/repository.json"
	identityVersion = 1
)

// Open opens the repository that Create made. keys may be nil for one who only
// reads packages.
func Open(files Files, keys *sign.Keyring) (*Repository, error) {
	data, err := readAll(files, identityName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoRepository
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open the repository: %w", err)
	}
	var id identity
	if err := json.Unmarshal(data, &id); err != nil {
		return nil, fmt.Errorf("cannot open the repository: cannot read %s: %w", identityName, err)
	}
	if id.Version > identityVersion {
		return nil, fmt.Errorf("cannot open the repository: a newer aptfleet wrote %s (version %d)", identityName, id.Version)
	}
	return &Repository{files: files, keys: keys, settings: id.Settings, now: time.Now}, nil
}

// Create makes a repository, or gives one that is there the suites that it
// lacks. New suites are empty and signed, so that hosts can be given them at
// once. Settings that differ from what hosts have seen are ErrFrozen.
func Create(ctx context.Context, files Files, keys *sign.Keyring, s Settings) (*Repository, error) {
	r, err := create(ctx, files, keys, s)
	if err != nil {
		return nil, fmt.Errorf("cannot create the repository: %w", err)
	}
	return r, nil
}

func create(ctx context.Context, files Files, keys *sign.Keyring, s Settings) (*Repository, error) {
	s.Label = cmp.Or(s.Label, s.Origin)
	if len(s.Architectures) == 0 {
		s.Architectures = []string{"amd64"}
	}
	if err := s.validate(); err != nil {
		return nil, err
	}
	r := &Repository{files: files, keys: keys, settings: s, now: time.Now}
	if stands, err := r.stands(s); stands || err != nil {
		return r, err
	}
	return r, r.update(ctx, func() error {
		if err := r.settle(s); err != nil {
			return err
		}
		for _, suite := range r.settings.Suites {
			if err := r.begin(ctx, suite); err != nil {
				return err
			}
		}
		return nil
	})
}

// stands reports whether there is nothing to make, which is so before every
// publish but the first. It takes no lock, since nothing of that goes away again.
func (r *Repository) stands(s Settings) (bool, error) {
	if r.keys == nil || r.keys.Unlock() != nil {
		return false, nil // update says why not
	}
	if lacks, err := r.adopt(s); lacks || err != nil {
		return false, err
	}
	if interrupted, err := r.has(intentionName); interrupted || err != nil {
		return false, err
	}
	for _, suite := range r.settings.Suites {
		if there, err := r.has(inReleaseName(suite)); !there || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (r *Repository) has(name string) (bool, error) {
	file, err := r.files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, file.Close()
}

// settle writes the settings, unless they are there already.
func (r *Repository) settle(s Settings) error {
	if lacks, err := r.adopt(s); !lacks || err != nil {
		return err
	}
	return r.put(identityName, identity{identityVersion, r.settings})
}

// adopt takes the settings that are there for the repository's own, with the
// suites of s that they lack, and reports whether they lack any, or all.
func (r *Repository) adopt(s Settings) (lacks bool, err error) {
	there, err := Open(r.files, r.keys)
	switch {
	case errors.Is(err, ErrNoRepository):
		return true, nil
	case err != nil:
		return false, err
	}
	old := there.settings
	if old.Origin != s.Origin || old.Label != s.Label {
		return false, fmt.Errorf("origin %q, label %q: they are %q and %q: %w", s.Origin, s.Label, old.Origin, old.Label, ErrFrozen)
	}
	r.settings = old
	for _, suite := range s.Suites {
		if !slices.Contains(old.Suites, suite) {
			r.settings.Suites = append(slices.Clone(r.settings.Suites), suite)
		}
	}
	return len(r.settings.Suites) > len(old.Suites), nil
}

// begin publishes a suite that has no release yet. One that has lost it is not
// begun anew: hosts would be told that all of its packages are gone.
func (r *Repository) begin(ctx context.Context, suite string) error {
	if _, err := r.readRelease(suite); !errors.Is(err, ErrNoSuite) {
		return err
	}
	for _, dir := range []string{path.Join("dists", suite), tableDir(suite)} {
		left, err := r.files.List(dir)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			return fmt.Errorf("%s: its InRelease is gone, though it was published: restore dists/%s from a backup, or remove what is left there and in %s to begin it anew", suite, suite, tableDir(suite))
		}
	}
	g, err := r.load(suite)
	if err != nil {
		return err
	}
	_, err = r.replace(ctx, g, nil, nil)
	return err
}

func (s Settings) validate() error {
	for name, value := range map[string]string{"origin": s.Origin, "label": s.Label} {
		if value == "" || strings.TrimSpace(value) != value || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' }) {
			return fmt.Errorf("%s %q is empty, or has blanks around it or control characters in it", name, value)
		}
	}
	for _, suite := range s.Suites {
		if err := validateSuite(suite); err != nil {
			return err
		}
	}
	for _, a := range s.Architectures {
		if err := debian.ValidateArchitecture(a); err != nil {
			return err
		}
		if a == "all" {
			return errors.New(`"all" is in every architecture and is none itself`)
		}
	}
	return nil
}

// validateSuite allows what is safe in a path, a URL and a sources file.
func validateSuite(suite string) error {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	if suite == "" || !strings.Contains(letters, suite[:1]) || strings.Trim(suite, letters+"-._+") != "" {
		return fmt.Errorf("suite %q: want lower case letters, digits and . _ + -, the first a letter or digit", suite)
	}
	return nil
}

// Suites returns the names of all suites.
func (r *Repository) Suites() []string { return slices.Clone(r.settings.Suites) }
