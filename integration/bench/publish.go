package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
)

const corpusSize = 10000

// archive is a program that keeps an apt repository in a folder.
type archive struct {
	name   string
	create func(ctx context.Context, dir string) error
	// publish returns the command that adds packages to what is in dir.
	publish func(ctx context.Context, dir string, debs []string) *exec.Cmd
}

// publish measures the first publish of many packages, and then of one more,
// beside what others publish with. Each tool signs, writes .gz and nothing
// slower, and ends with a copy of every package in its pool.
func publish(ctx context.Context, b *bench) error {
	return b.onOwnDisk(ctx, func() error { return b.publish(ctx) })
}

func (b *bench) publish(ctx context.Context) error {
	debs, err := debCorpus(ctx, filepath.Join(b.dir, "debs"), "pkg", corpusSize)
	if err != nil {
		return err
	}
	// Between those that are there, so that half of an index is rewritten.
	more, err := debCorpus(ctx, filepath.Join(b.dir, "more"), fmt.Sprintf("pkg-%05dx", corpusSize/2), 2*max(1, b.contest.Rounds)+1)
	if err != nil {
		return err
	}
	home, err := signingHome(ctx, b.dir)
	if err != nil {
		return err
	}
	archives := []archive{aptfleetArchive(b.aptfleet), repreproArchive(home), aptlyArchive(home), ftparchive(home)}
	return errors.Join(b.publishFirst(ctx, archives, debs), b.publishMore(ctx, archives, more))
}

// publishFirst leaves the last round's archives in place for publishMore.
func (b *bench) publishFirst(ctx context.Context, archives []archive, debs []string) error {
	round := make([]int, len(archives))
	contestants := make([]measure.Contestant, len(archives))
	for i, a := range archives {
		contestants[i] = measure.Contestant{Name: a.name, Run: func(ctx context.Context) (measure.Cost, error) {
			round[i]++
			dir := filepath.Join(b.dir, fmt.Sprintf("%s-%d", a.name, round[i]))
			last := filepath.Join(b.dir, a.name)
			_ = os.Remove(last) // there is none in the first round
			if err := errors.Join(os.Mkdir(dir, 0o755), os.Symlink(dir, last), a.create(ctx, dir)); err != nil {
				return measure.Cost{}, err
			}
			return measure.Command(a.publish(ctx, dir, debs))
		}}
	}
	runs, err := b.contest.Run(ctx, contestants...)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("first publish of %d", corpusSize)
	b.claimPublish(what, runs, map[string]float64{"reprepro": 0.35, "apt-ftparchive": 1.1})
	b.table.Add(measure.Claim{What: what + ": peak memory", Unit: measure.Mebibytes, Ours: measure.MiB(runs["aptfleet"].Median().RSS), Most: 96})
	return nil
}

// publishMore adds one package a time, after one that fills the caches.
func (b *bench) publishMore(ctx context.Context, archives []archive, more []string) error {
	contestants := make([]measure.Contestant, len(archives))
	for i, a := range archives {
		dir, next := filepath.Join(b.dir, a.name), 0
		run := func(ctx context.Context) (measure.Cost, error) {
			next++
			return measure.Command(a.publish(ctx, dir, more[next-1:next]))
		}
		if _, err := run(ctx); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		contestants[i] = measure.Contestant{Name: a.name, Run: run}
	}
	contest := b.contest
	contest.Rounds = len(more) - 1
	runs, err := contest.Run(ctx, contestants...)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("publish one into %d", corpusSize)
	b.claimPublish(what, runs, map[string]float64{"reprepro": 0.15, "aptly": 0.04, "apt-ftparchive": 0.10})
	b.table.Add(measure.Claim{What: what + ": peak memory", Unit: measure.Mebibytes, Ours: measure.MiB(runs["aptfleet"].Median().RSS), Most: 32})
	return nil
}

func (b *bench) claimPublish(what string, runs map[string]measure.Samples, most map[string]float64) {
	for _, peer := range []string{"reprepro", "aptly", "apt-ftparchive"} {
		if m, ok := most[peer]; ok {
			b.table.Add(measure.Claim{What: what + ": CPU", Unit: measure.Seconds, Ours: runs["aptfleet"].Median().CPU.Seconds(),
				Beside: peer, Peer: runs[peer].Median().CPU.Seconds(), Most: m})
		}
	}
}

// aptfleetArchive publishes with the command as its users do.
func aptfleetArchive(program string) archive {
	return archive{
		name: "aptfleet",
		create: func(ctx context.Context, dir string) error {
			if err := quietly(exec.CommandContext(ctx, program, "init", "--dir", dir, "--origin", "bench")); err != nil {
				return err
			}
			config := fmt.Sprintf("inventory = \"inventory.toml\"\nstate = %q\n[repository]\norigin = \"bench\"\nsuites = [\"stable\"]\n", filepath.Join(dir, "state"))
			return os.WriteFile(filepath.Join(dir, "aptfleet.toml"), []byte(config), 0o644)
		},
		publish: func(ctx context.Context, dir string, debs []string) *exec.Cmd {
			args := []string{"--config", filepath.Join(dir, "aptfleet.toml"), "--quiet", "publish", "--suite", "stable"}
			return exec.CommandContext(ctx, program, append(args, debs...)...)
		},
	}
}

func quietly(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, lastLines(string(out), 5))
	}
	return nil
}
