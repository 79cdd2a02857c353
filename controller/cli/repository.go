package cli

import (
	"context"
	"errors"

	"github.com/aptfleet/aptfleet/packaging/aptrepo"
)

// repository opens the repository for one who changes it, and makes it at the
// first call. Suites that the configuration has gained since are added.
func (in *installation) repository(ctx context.Context) (*aptrepo.Repository, error) {
	keys, err := in.keys()
	if err != nil {
		return nil, err
	}
	return aptrepo.Create(ctx, aptrepo.Folder(in.Repository.Root), keys, aptrepo.Settings{
		Origin: in.Repository.Origin,
		Label:  in.Repository.Label,
		Suites: in.Repository.Suites,
	})
}

// readRepository opens the repository for one who only reads it, and needs no
// key to.
func (in *installation) readRepository() (*aptrepo.Repository, error) {
	repository, err := aptrepo.Open(aptrepo.Folder(in.Repository.Root), nil)
	if errors.Is(err, aptrepo.ErrNoRepository) {
		return nil, errors.Join(err, errors.New("publish a package, and there will be one"))
	}
	return repository, err
}

// suite returns the suite that was asked for, the configuration's first if none
// was.
func (in *installation) suite(asked string) string {
	if asked == "" {
		return in.Repository.Suites[0]
	}
	return asked
}
