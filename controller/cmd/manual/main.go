// Command manual writes the manual pages of aptfleet's commands.
//
//	manual VERSION FOLDER
//
// The package of aptfleet is built from what it leaves, so that help and manual
// cannot differ. It is a program of its own because what turns help into manual
// pages takes time to begin, which every command of aptfleet would pay for.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra/doc"

	"github.com/aptfleet/aptfleet/controller/cli"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: manual VERSION FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "manual: cannot write the manual pages:", err)
		os.Exit(1)
	}
}

func write(version, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	header := doc.GenManHeader{Title: "APTFLEET", Section: "1", Source: "aptfleet " + version, Manual: "aptfleet"}
	return doc.GenManTree(cli.Commands(), &header, folder)
}
