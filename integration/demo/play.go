package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	group = "array_of_new_webapps"
	suite = "stable"
)

// play is the show: the main job from an empty folder to a second release.
func (s *stage) play() error {
	address, err := s.freeAddress()
	if err != nil {
		return err
	}
	for _, part := range []func() error{
		func() error { return s.begin(address) },
		func() error { return s.build("1.0") },
		func() error { return s.open(address) },
		func() error { return s.rollOut("1.0") },
		func() error { return s.build("1.1") },
		func() error { return s.rollOut("1.1") },
		s.lookBack,
	} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// freeAddress returns where the repository can be served, and hosts reach it.
func (s *stage) freeAddress() (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(s.fleet.ListenAddress(), "0"))
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// begin writes the configuration, the key and the inventory.
func (s *stage) begin(address string) error {
	s.title("A configuration, a signing key, and the inventory of the fleet")
	if err := s.run("init", "--state", filepath.Join(s.dir, "state"), "--url", "http://"+address, "--origin", "Demo"); err != nil {
		return err
	}
	if err := s.write("inventory.toml", s.fleet.Inventory(group)); err != nil {
		return err
	}
	if err := s.run("hosts"); err != nil {
		return err
	}
	return s.run("ping", group)
}

// build makes one version of the sample application and publishes it.
func (s *stage) build(version string) error {
	s.title("shop-web %s: build the package and publish it", version)
	sample, err := filepath.Abs("integration/sample/shop-web")
	if err != nil {
		return err
	}
	if err := compile(sample, version); err != nil {
		return err
	}
	if err := s.run("build", filepath.Join(sample, "shop-web.toml"), "--version", version, "--out", "."); err != nil {
		return err
	}
	return s.run("publish", "--suite", suite, "shop-web_"+version+"_amd64.deb")
}

// compile builds the sample application's program where its recipe expects it.
func compile(sample, version string) error {
	cmd := exec.Command("./build.sh", version)
	cmd.Dir, cmd.Stderr = sample, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot compile shop-web: %w", err)
	}
	return nil
}

// open serves the repository and tells the hosts of it.
func (s *stage) open(address string) error {
	s.title("Serve the repository, and enroll the hosts in it")
	if err := s.serve("repo", "serve", "--listen", address); err != nil {
		return err
	}
	return s.run("enroll", group, "--yes")
}

// rollOut brings one version to all hosts.
func (s *stage) rollOut(version string) error {
	s.title("Roll out shop-web %s to all of %s", version, group)
	if err := s.run("rollout", "shop-web="+version, "--to", group, "--yes"); err != nil {
		return err
	}
	return s.table("shop-web")
}

// lookBack shows what the journal knows afterwards.
func (s *stage) lookBack() error {
	s.title("What the journal knows")
	for _, args := range [][]string{{"history"}, {"status"}, {"logs", "R2", s.fleet.Hosts()[0].Name()}, {"repo", "ls"}} {
		if err := s.run(args...); err != nil {
			return err
		}
	}
	return nil
}
