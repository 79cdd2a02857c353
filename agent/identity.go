package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/nats-io/nkeys"
)

// machineID is what tells a machine from its clones (machine-id(5)).
const machineID = "/etc/machine-id"

// ErrCloned is that a key was made on another machine, of which this one is a
// copy.
var ErrCloned = errors.New("its key was made on another machine: enroll this host, which makes it one of its own")

// Identity returns the public key of the host. Where there is none yet, or only
// that of the machine that this one was cloned from, it makes one.
func Identity(f Files) (string, error) {
	public, err := f.public(machineID)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrCloned) {
		if err = f.makeSeed(machineID); err == nil {
			public, err = f.public(machineID)
		}
	}
	if err != nil {
		return "", fmt.Errorf("cannot tell the host's identity: %w", err)
	}
	return public, nil
}

// public returns the public part of the key.
func (f Files) public(machine string) (string, error) {
	here, there, err := f.machines(machine)
	if err != nil {
		return "", err
	}
	if len(here) > 0 && len(there) > 0 && !bytes.Equal(here, there) {
		return "", ErrCloned
	}
	key, err := f.key()
	if err != nil {
		return "", err
	}
	defer key.Wipe()
	return key.PublicKey()
}

// machines returns the id of this machine and of that which made the key; they
// are empty where that is not known.
func (f Files) machines(machine string) (here, there []byte, err error) {
	for path, id := range map[string]*[]byte{machine: &here, f.machine(): &there} {
		*id, err = os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
	}
	return here, there, nil
}

// key reads the seed. The caller wipes it.
func (f Files) key() (nkeys.KeyPair, error) {
	seed, err := os.ReadFile(f.seed())
	if err != nil {
		return nil, err
	}
	defer clear(seed)
	key, err := nkeys.FromSeed(bytes.TrimSpace(seed))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.seed(), err)
	}
	return key, nil
}

// sign proves that this is the agent whose key that is.
func (f Files) sign(nonce []byte) ([]byte, error) {
	key, err := f.key()
	if err != nil {
		return nil, fmt.Errorf("cannot sign with the host's key: %w", err)
	}
	defer key.Wipe()
	return key.Sign(nonce)
}

// makeSeed makes a key, and notes the machine first: a crash between leaves no
// key, and the next one is made anew.
func (f Files) makeSeed(machine string) error {
	key, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	defer key.Wipe()
	seed, err := key.Seed()
	if err != nil {
		return err
	}
	defer clear(seed)
	if err := os.Remove(f.seed()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	id, err := os.ReadFile(machine)
	if err == nil {
		err = f.place(f.machine(), id)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.place(f.seed(), append(seed, '\n'))
}

// place writes a file whole or not at all, for whom the folder belongs to:
// whoever makes the key may be root.
func (f Files) place(path string, data []byte) error {
	temp, err := os.CreateTemp(f.Home, ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone already if all went well
	_, err = temp.Write(data)
	if err == nil {
		err = f.giveAway(temp)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

func (f Files) giveAway(file *os.File) error {
	info, err := os.Stat(f.Home)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Getuid() {
		return nil
	}
	return file.Chown(int(owner.Uid), int(owner.Gid))
}
