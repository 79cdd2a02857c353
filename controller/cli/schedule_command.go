package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aptfleet/aptfleet/controller/config"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// scheduledCommand is what the command of a schedule asks for.
type scheduledCommand struct {
	packages []string
	options  rolloutOptions
}

// parseScheduleCommand reads the command of a schedule as a command line is read. Nobody is
// asked when it is due.
func (a *app) parseScheduleCommand(run []string) (scheduledCommand, error) {
	if run[0] != "rollout" {
		return scheduledCommand{}, fmt.Errorf("cannot run %q: a schedule runs \"rollout\" and its arguments", run[0])
	}
	var s scheduledCommand
	cmd := a.rolloutWith(&s.options)
	cmd.InitDefaultHelpFlag() // which cobra otherwise adds when a command runs
	if err := cmd.ParseFlags(run[1:]); err != nil {
		return s, err
	}
	s.packages = cmd.Flags().Args()
	switch help, err := cmd.Flags().GetBool("help"); {
	case err == nil && help:
		return s, errors.New("--help rolls nothing out")
	case s.options.dryRun:
		return s, errors.New("--dry-run rolls nothing out")
	case s.options.to == "":
		return s, errors.New("say with --to on which hosts")
	}
	s.options.yes = true
	return s, nil
}

// readSchedules reads the commands of all schedules.
func (in *installation) readSchedules() error {
	var errs []error
	for _, s := range in.Schedules {
		if _, err := in.app.parseScheduleCommand(s.Run); err != nil {
			errs = append(errs, s.Errorf(tomlfile.Key{"run"}, "%w", err))
		}
	}
	return errors.Join(errs...)
}

// checkSchedules checks what the commands of schedules name, as far as it can be
// known before it is due: the hosts, the suite, and what makes up a rollout. That
// a suite does not have a package yet is no fault: it may be built in the evening.
func (in *installation) checkSchedules() error {
	if len(in.Schedules) == 0 {
		return nil
	}
	inv, err := inventory.Load(in.Inventory)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range in.Schedules {
		if word, err := in.checkScheduleCommand(s, inv); err != nil {
			errs = append(errs, s.Errorf(wordKey(s, word), "%w", err))
		}
	}
	return errors.Join(errs...)
}

// wordKey is the key of a word of a schedule's command, if it can be found there.
func wordKey(s config.Schedule, word string) tomlfile.Key {
	if i := slices.Index(s.Run, word); i >= 0 && word != "" {
		return tomlfile.Key{"run", tomlfile.Index(i)}
	}
	return tomlfile.Key{"run"}
}

// refuseFailed refuses the hosts that failed in a rollout: what is run again and again is
// not for those of one night, and fails once they are mended.
func refuseFailed(rollout string) ([]inventory.HostName, error) {
	return nil, fmt.Errorf("a schedule runs again and again, and failed:%s picks the hosts of one rollout: say which groups or hosts", rollout)
}

// checkScheduleCommand returns what is wrong with a schedule's command, and the word in
// question.
func (in *installation) checkScheduleCommand(s config.Schedule, inv *inventory.Inventory) (word string, err error) {
	asked, err := in.app.parseScheduleCommand(s.Run)
	if err != nil {
		return "", err
	}
	hosts, err := inv.Select(asked.options.to, refuseFailed)
	if err != nil {
		return asked.options.to, err
	}
	suite := asked.options.suite
	if suite != "" && !slices.Contains(in.Repository.Suites, suite) {
		return suite, fmt.Errorf("the repository has no suite %q", suite)
	}
	asked.options.suite = "" // which would be looked up in the repository
	for _, p := range asked.packages {
		if _, err := parsePackage(p); err != nil {
			return p, err
		}
	}
	_, err = in.spec(asked.packages, asked.options, hosts)
	return "", err
}
