package cli

import (
	"context"
	"os"
	"os/signal"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes aptfleet a command of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"aptfleet": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) // which ends a daemon
			status := Main(ctx, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
			stop()
			os.Exit(status)
		},
	})
}

// TestScripts runs what an administrator types at one machine, without hosts.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("SOURCE_DATE_EPOCH", "1700000000")
			return nil
		},
	})
}
