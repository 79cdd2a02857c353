// Package config reads aptfleet.toml, which says what an installation works
// with: its inventory, its folder of state, its repository, and how rollouts
// are carried out where a command says nothing else.
//
// Every key but the inventory's has a default, and unknown keys are errors. The
// file is only read; nothing here checks that what it names exists.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aptfleet/aptfleet/controller/notify"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/schedule"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// FileName is what the configuration is called in a folder.
const FileName = "aptfleet.toml"

// SystemFile is the configuration of a machine.
const SystemFile = "/etc/aptfleet/" + FileName

// Config is a validated aptfleet.toml. All paths in it can be opened as they are.
type Config struct {
	Path       string // of the file itself, "" if there is none
	Inventory  string // path of the inventory
	State      string // folder of journals and locks
	Repository Repository
	Bus        Bus
	Rollout    Rollout
	Schedules  []Schedule // in the order of the file
	Server     Server
	Notify     []notify.Target // who is told how rollouts go

	source *tomlfile.File
}

// Errorf returns an error about a key, which names file and line.
func (c *Config) Errorf(key tomlfile.Key, format string, args ...any) error {
	return c.source.Errorf(key, format, args...)
}

// Rollout holds the defaults of every rollout.
type Rollout struct {
	Parallel    int               // hosts at the same time
	Batches     []rollout.Amount  // sizes; none is one batch
	MaxFailures rollout.Amount    // over the whole rollout; unsaid is any number
	OnFailure   rollout.OnFailure // once there are more
	Settle      time.Duration     // how long a host with probes must be healthy
	Deadline    time.Duration     // and be so by then
	Reattach    time.Duration     // how long a host that is lost in the middle is tried again before it is unknown
	Silence     time.Duration     // how long a job may say nothing before its host is unknown
	KeepEvents  time.Duration     // after its end, before a rollout is summarised; 0 is for ever
}

// Policy returns the defaults as a policy, with a gate.
func (r Rollout) Policy() rollout.Policy {
	return rollout.Policy{
		Parallel: r.Parallel, Batches: r.Batches, MaxFailures: r.MaxFailures, OnFailure: r.OnFailure,
		Gate: true, Settle: r.Settle, Deadline: r.Deadline,
	}
}

// file is the configuration as it is written. It starts with the defaults.
type file struct {
	Inventory  string          `toml:"inventory"`
	State      string          `toml:"state"`
	Repository repositoryTable `toml:"repository"`
	Bus        busTable        `toml:"bus"`
	Rollout    rolloutTable    `toml:"rollout"`
	Server     serverTable     `toml:"server"`
	Notify     []notifyTable   `toml:"notify"`

	Freeze    []schedule.Dates `toml:"freeze"` // of all schedules
	Schedules []scheduleTable  `toml:"schedule"`
}

type rolloutTable struct {
	Parallel    int               `toml:"parallel"`
	Batches     []rollout.Amount  `toml:"batches"`
	MaxFailures rollout.Amount    `toml:"max_failures"`
	OnFailure   rollout.OnFailure `toml:"on_failure"`
	Settle      tomlfile.Duration `toml:"settle"`
	Deadline    tomlfile.Duration `toml:"deadline"`
	Reattach    tomlfile.Duration `toml:"reattach"`
	Silence     tomlfile.Duration `toml:"silence"`
	KeepEvents  tomlfile.Duration `toml:"keep_events"`
}

func (t rolloutTable) resolve() Rollout {
	return Rollout{
		Parallel: t.Parallel, Batches: t.Batches, MaxFailures: t.MaxFailures, OnFailure: t.OnFailure,
		Settle: time.Duration(t.Settle), Deadline: time.Duration(t.Deadline),
		Reattach: time.Duration(t.Reattach), Silence: time.Duration(t.Silence), KeepEvents: time.Duration(t.KeepEvents),
	}
}

// validate holds the limits of patience to what can be meant: 0 would be read as
// no limit by some and as the default by others.
func (t rolloutTable) validate(source *tomlfile.File) error {
	var errs []error
	policies := t.policies(source)
	for _, key := range slices.Sorted(maps.Keys(policies)) {
		if err := policies[key].Validate(); err != nil {
			errs = append(errs, source.Errorf(tomlfile.Key{"rollout", key}, "%w", err))
		}
	}
	for key, limit := range map[string]tomlfile.Duration{"reattach": t.Reattach, "silence": t.Silence} {
		if time.Duration(limit) < time.Second {
			errs = append(errs, source.Errorf(tomlfile.Key{"rollout", key}, "%v is less than a second", limit))
		}
	}
	if keep := time.Duration(t.KeepEvents); keep != 0 && keep < 24*time.Hour {
		errs = append(errs, source.Errorf(tomlfile.Key{"rollout", "keep_events"}, "%v is less than a day", keep))
	}
	return errors.Join(errs...)
}

// policies returns a policy for each key that can be wrong, with nothing else in it,
// so that the error names the key.
func (t rolloutTable) policies(source *tomlfile.File) map[string]rollout.Policy {
	times := "deadline"
	if slices.Contains(source.Children("rollout"), "settle") {
		times = "settle"
	}
	return map[string]rollout.Policy{
		"parallel":   {Parallel: t.Parallel},
		"batches":    {Parallel: 1, Batches: t.Batches},
		"on_failure": {Parallel: 1, OnFailure: t.OnFailure},
		times:        {Parallel: 1, Gate: true, Settle: time.Duration(t.Settle), Deadline: time.Duration(t.Deadline)},
	}
}

func defaults() file {
	f := file{Inventory: "inventory.toml", State: "/var/lib/aptfleet"}
	f.Repository = repositoryTable{Suites: []string{"stable"}, Keep: 10, Origin: "aptfleet", Key: "signing-key.asc"}
	f.Rollout = rolloutTable{
		Parallel: 128, Settle: tomlfile.Duration(30 * time.Second), Deadline: tomlfile.Duration(5 * time.Minute),
		Reattach: tomlfile.Duration(10 * time.Minute), Silence: tomlfile.Duration(15 * time.Minute),
		KeepEvents: tomlfile.Duration(90 * 24 * time.Hour),
	}
	return f
}

// Find returns the configuration file to read: the one asked for if there is
// one, else aptfleet.toml in the current folder, else the machine's. An error
// satisfies errors.Is(err, fs.ErrNotExist) where there is none.
func Find(asked string) (string, error) {
	if asked != "" {
		return asked, nil
	}
	for _, path := range []string{FileName, SystemFile} {
		if _, err := os.Stat(path); err == nil {
			return filepath.Abs(path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("cannot look for the configuration: %w", err)
		}
	}
	return "", fmt.Errorf("there is neither %s here nor %s: %w; \"aptfleet init\" writes one, --config names another",
		FileName, SystemFile, fs.ErrNotExist)
}

// Load reads the configuration at path.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a configuration from data. Name is what errors call it, and its
// folder is where relative paths in it start.
func Parse(name string, data []byte) (*Config, error) {
	written := defaults()
	source, err := tomlfile.Decode(name, data, &written)
	if err != nil {
		return nil, err
	}
	schedules, scheduleErr := resolveSchedules(source, written.Schedules, written.Freeze)
	targets, notifyErr := resolveNotify(source, written.Notify)
	if err := errors.Join(written.validate(source), scheduleErr, notifyErr); err != nil {
		return nil, err
	}
	return &Config{
		Path:       name,
		Inventory:  source.Path(written.Inventory),
		State:      source.Path(written.State),
		Repository: written.Repository.resolve(source, written.State),
		Bus:        written.Bus.resolve(source),
		Rollout:    written.Rollout.resolve(),
		Schedules:  schedules,
		Server:     written.Server.resolve(source),
		Notify:     targets,
		source:     source,
	}, nil
}

func (f *file) validate(source *tomlfile.File) error {
	var errs []error
	if f.Inventory == "" {
		errs = append(errs, source.Errorf(tomlfile.Key{"inventory"}, "is empty"))
	}
	if f.State == "" {
		errs = append(errs, source.Errorf(tomlfile.Key{"state"}, "is empty"))
	}
	errs = append(errs, f.Repository.validate(source), f.Bus.validate(source), f.Rollout.validate(source), f.Server.validate(source))
	return errors.Join(errs...)
}
