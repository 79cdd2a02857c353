package cli

import (
	"context"
	"errors"

	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/packaging/aptrepo"
)

// daemonRepository is the daemon as the API's server.Repository.
type daemonRepository struct{ *daemon }

func (d daemonRepository) Packages(suite string) ([]server.Object, error) {
	repository, err := d.installation("").readRepository()
	if err != nil {
		return nil, err
	}
	suites := []string{suite}
	if suite == "" {
		suites = repository.Suites()
	}
	var lines []packageLine
	for _, s := range suites {
		some, err := packageLines(repository, s, func(aptrepo.Package) bool { return true })
		if err != nil {
			return nil, err
		}
		lines = append(lines, some...)
	}
	return objects(lines, nil)
}

func (d daemonRepository) Publish(ctx context.Context, suite string, files []string) ([]server.Object, error) {
	return objects(d.installation("").publish(ctx, suite, files...))
}

func (d daemonRepository) Promote(ctx context.Context, name, version, from, to string) ([]server.Object, error) {
	return objects(d.installation("").promote(ctx, name, version, from, to))
}

func (d daemonRepository) Remove(ctx context.Context, suite, name, version string) error {
	return d.installation("").remove(ctx, suite, name, version)
}

func (d daemonRepository) Sign(ctx context.Context) error { return d.installation("").sign(ctx) }

func (d daemonRepository) Prune(ctx context.Context, keep int) ([]server.Object, error) {
	pruned, err := d.installation("").prune(ctx, keep)
	return objects(pruned, err)
}

func (d daemonRepository) Faults(ctx context.Context) ([]string, error) {
	repository, err := d.installation("").repository(ctx)
	if err != nil {
		return nil, err
	}
	err = repository.Verify(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return faults(err), nil
}

// faults takes apart what Verify has joined.
func faults(err error) []string {
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		var all []string
		for _, e := range joined.Unwrap() {
			all = append(all, e.Error())
		}
		return all
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}
