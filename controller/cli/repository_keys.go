package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/aptfleet/aptfleet/packaging/sign"
)

// Where the passphrase of a protected signing key comes from. It is never taken
// from the command line, which every user of a machine can read.
const (
	passphraseVariable     = "APTFLEET_KEY_PASSPHRASE"
	passphraseFileVariable = "APTFLEET_KEY_PASSPHRASE_FILE"
)

var errProtected = errors.New("the key is protected: set " + passphraseFileVariable + " to a file with its passphrase")

// keys opens the keys that sign the repository.
func (in *installation) keys() (*sign.Keyring, error) {
	keys, err := sign.Load(in.Repository.Key, in.app.passphrase)
	if in.request != nil && errors.Is(err, errProtected) {
		err = fmt.Errorf("%w, in the environment of the daemon", err)
	}
	return keys, err
}

// passphrase returns the passphrase of the signing key: from the environment,
// from the file that the environment names, or from whoever sits at the terminal.
func (a *app) passphrase() ([]byte, error) {
	if p, err := givenPassphrase(); p != nil || err != nil {
		return p, err
	}
	if f, ok := a.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(a.Err, "Passphrase of the signing key: ")
		defer fmt.Fprintln(a.Err)
		return term.ReadPassword(int(f.Fd()))
	}
	return nil, errProtected
}

// givenPassphrase returns the passphrase that the environment gives, nil if it
// gives none.
func givenPassphrase() ([]byte, error) {
	if p := os.Getenv(passphraseVariable); p != "" {
		return []byte(p), nil
	}
	file := os.Getenv(passphraseFileVariable)
	if file == "" {
		return nil, nil
	}
	p, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the passphrase: %w", err)
	}
	return bytes.TrimRight(p, "\r\n"), nil
}
