package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

const diskSize = 16 << 30 // bytes, of which only those that are written take room

// onOwnDisk runs a measurement in a folder on a filesystem made for it, as servers
// have it: ext4 with a journal. What was done before on the machine's own costs all
// who make many files there: without a journal, ext4 looks for the inode of each
// new file behind those of all that were deleted in the last five minutes.
//
// Where nothing may be mounted, it is the folder that there is.
func (b *bench) onOwnDisk(ctx context.Context, run func() error) error {
	dir := b.dir
	disk, unmount, err := mountDisk(ctx, dir)
	if err != nil {
		fmt.Fprintf(b.log, "no disk of its own, so what was deleted before may slow it down: %v\n", err)
		return run()
	}
	b.dir = disk
	defer func() { b.dir = dir; unmount() }()
	return run()
}

// mountDisk makes a disk in a file of dir, and mounts it there.
func mountDisk(ctx context.Context, dir string) (disk string, unmount func(), err error) {
	image, disk := filepath.Join(dir, "disk.img"), filepath.Join(dir, "disk")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return "", nil, err
	}
	if err := os.Truncate(image, diskSize); err != nil {
		return "", nil, err
	}
	if err := os.Mkdir(disk, 0o755); err != nil {
		return "", nil, err
	}
	for _, cmd := range []*exec.Cmd{
		exec.CommandContext(ctx, "mkfs.ext4", "-q", image),
		exec.CommandContext(ctx, "mount", "-o", "loop", image, disk), // the loop device goes with the mount
	} {
		if err := quietly(cmd); err != nil {
			return "", nil, err
		}
	}
	return disk, func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) }, nil
}
