// Command publisher publishes packages and does nothing else, so that what a
// publish costs is measured alone.
//
//	publisher create ROOT KEY        makes the repository and its key
//	publisher publish ROOT KEY FILE  publishes the packages that FILE names
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aptfleet/aptfleet/packaging/aptrepo"
	"github.com/aptfleet/aptfleet/packaging/sign"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "publisher:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 3 && args[0] == "create":
		return create(ctx, args[1], args[2])
	case len(args) == 4 && args[0] == "publish":
		return publish(ctx, args[1], args[2], args[3])
	}
	return fmt.Errorf("usage: create ROOT KEY, publish ROOT KEY FILE; not %q", args)
}

func create(ctx context.Context, root, path string) error {
	key, err := sign.Generate("bench")
	if err != nil {
		return err
	}
	if err := key.Store(path, nil); err != nil {
		return err
	}
	_, err = aptrepo.Create(ctx, aptrepo.Folder(root), sign.NewKeyring(key), aptrepo.Settings{Origin: "bench", Suites: []string{"stable"}})
	return err
}

func publish(ctx context.Context, root, path, list string) error {
	keys, err := sign.Load(path, nil)
	if err != nil {
		return err
	}
	repository, err := aptrepo.Open(aptrepo.Folder(root), keys)
	if err != nil {
		return err
	}
	names, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	_, err = repository.Publish(ctx, "stable", strings.Fields(string(names))...)
	return err
}
