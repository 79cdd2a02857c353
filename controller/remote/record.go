package remote

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// record adds the key of a host seen for the first time to the first file, and
// to the index. Several processes may do so at once: the file is locked, and
// what others added to it meanwhile counts, so that two of them can't trust
// two different keys for one host.
func (k *knownHosts) record(names hostNames, key ssh.PublicKey) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.files) == 0 {
		return &trouble{kind: ErrHostKey, text: "cannot record its key: no known_hosts file is configured"}
	}
	if err := k.recordIn(k.files[0], names.exact[0], key); err != nil {
		return &trouble{kind: ErrHostKey, text: "cannot record its key", cause: err}
	}
	return nil
}

func (k *knownHosts) recordIn(path, name string, key ssh.PublicKey) error {
	f, err := openLocked(path)
	if err != nil {
		return err
	}
	defer f.Close() // and unlocks
	ended, err := k.catchUp(f, path)
	if err != nil {
		return err
	}
	if k.has(name, string(key.Marshal())) {
		return nil
	}
	for _, line := range k.readable(name) {
		if line.algorithm() == key.Type() {
			return changedKey(line, key)
		}
	}
	line := fmt.Appendf(nil, "%s %s", name, ssh.MarshalAuthorizedKey(key))
	if !ended { // an editor left the last line without its end
		line = append([]byte{'\n'}, line...)
		k.read[path]++
		defer k.add(path, line[1:])
	} else {
		defer k.add(path, line)
	}
	_, err = f.Write(line) // in one go: O_APPEND makes it whole
	return err
}

// catchUp indexes what others have added to the file, and reports whether its
// last line has an end.
func (k *knownHosts) catchUp(f *os.File, path string) (ended bool, err error) {
	st, err := f.Stat()
	if err != nil {
		return false, err
	}
	if st.Size() < k.read[path] { // edited: read it all; a line indexed twice does no harm
		k.read[path], k.lines[path] = 0, 0
	}
	news, err := io.ReadAll(io.NewSectionReader(f, k.read[path], st.Size()-k.read[path]))
	if err != nil || st.Size() == 0 {
		return true, err
	}
	k.add(path, news)
	var last [1]byte
	_, err = f.ReadAt(last[:], st.Size()-1)
	return last[0] == '\n', err
}

// openLocked opens path, made if it is missing, for this process alone.
func openLocked(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", path, err), f.Close())
	}
	return f, nil
}
