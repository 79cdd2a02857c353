package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/packaging/aptrepo"
)

func (a *app) repoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repo",
		Short: "Look after the repository",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.repoListCommand(), a.repoServeCommand(), a.repoVerifyCommand(),
		a.repoPruneCommand(), a.repoRemoveCommand(), a.repoSignCommand(),
	)
	return cmd
}

func (a *app) repoListCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "ls [SUITE...]",
		Short:             "List the packages of the repository, or of some suites",
		ValidArgsFunction: a.completeSuite,
		RunE: a.with(func(_ *cobra.Command, suites []string, in *installation) error {
			repository, err := in.readRepository()
			if err != nil {
				return err
			}
			if len(suites) == 0 {
				suites = repository.Suites()
			}
			for _, suite := range suites {
				if err := a.printPackages(repository, suite, func(aptrepo.Package) bool { return true }); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

func (a *app) repoVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Read the whole repository again and name every fault",
		Long: `Read the whole repository again: signatures, indices, and every package against
its checksum. Nothing is changed; every fault is named, one a line, and then the
exit status is 1.

A package that is missing from the pool, or damaged there, is put back by publishing
the same file again; release files and signatures by "repo sign"; indices by the next
package that is published or promoted into the suite. What else is lost must come
from a backup of the repository's folder.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, _ []string, in *installation) error {
			repository, err := in.repository(cmd.Context())
			if err != nil {
				return err
			}
			if err := repository.Verify(cmd.Context()); err != nil {
				return err
			}
			a.say("the repository is sound")
			return nil
		}),
	}
}

func (a *app) repoServeCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the repository over HTTP until stopped",
		Long: `Serve the repository over HTTP until stopped. Its files are public and signed, so
that plain HTTP is enough; any other web server on the repository's folder does
as well.`,
		Example: `  aptfleet repo serve --listen :8071`,
		Args:    cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, _ []string, in *installation) error {
			repository, err := in.readRepository()
			if err != nil {
				return err
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("cannot serve the repository: %w", err)
			}
			a.say("serving %s on http://%s", in.Repository.Root, l.Addr())
			return serve(cmd.Context(), l, repository.Handler())
		}),
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8071", "`address` to listen on")
	return cmd
}

// serve answers on l until ctx ends, and lets downloads that run finish.
func serve(ctx context.Context, l net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		stopped <- server.Shutdown(ctx)
	})
	err := server.Serve(l)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
