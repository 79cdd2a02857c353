package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/access"
)

// tokenLine is a new token, which is shown this once.
type tokenLine struct {
	Name    string      `json:"name"`
	Role    access.Role `json:"role"`
	Token   string      `json:"token"`
	Hash    access.Hash `json:"hash"`
	Expires *time.Time  `json:"expires,omitempty"`
}

func (tokenLine) kind() string { return "token" }

func (l tokenLine) text(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n[[server.tokens]]\nname = %q\nrole = %q\nhash = %q\n", l.Token, l.Name, l.Role, l.Hash)
	if l.Expires != nil {
		fmt.Fprintf(w, "expires = %q\n", l.Expires.Format(time.RFC3339))
	}
}

func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make tokens for the API",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.tokenNewCommand())
	return cmd
}

func (a *app) tokenNewCommand() *cobra.Command {
	var role string
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "new NAME --role ROLE [--expires TIME]",
		Short: "Make a token and print it, this once",
		Long: `Make a token for the daemon's API and print it: first the token, which is kept
nowhere, then the table with its hash, for the daemon's configuration. It counts
once that is there and the daemon was told: systemctl reload aptfleet.

Roles: viewer reads; operator rolls out, publishes and runs schedules besides;
admin may all, enroll hosts and prune the repository included. To take a token
back, remove its table.`,
		Example: `  aptfleet token new ci --role operator --expires 2160h`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			l := tokenLine{Name: args[0]}
			if err := l.Role.UnmarshalText([]byte(role)); err != nil {
				return &exitError{exitUsage, fmt.Errorf("--role: %w", err)}
			}
			if expires < 0 {
				return usageErrorf("--expires: %v is over already", expires)
			}
			if expires > 0 {
				at := time.Now().Add(expires).UTC().Truncate(time.Second)
				l.Expires = &at
			}
			l.Token, l.Hash = access.NewSecret()
			return a.print(l)
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "viewer, operator or admin (required)")
	cmd.Flags().DurationVar(&expires, "expires", 0, "`time` after which it counts no more, such as 2160h (default: never)")
	complete(cmd, "role", words(access.Viewer, access.Operator, access.Admin))
	return cmd
}
