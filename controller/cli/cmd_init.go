package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/config"
	"github.com/aptfleet/aptfleet/packaging/sign"
)

const (
	inventoryName = "inventory.toml"
	keyName       = "signing-key.asc"
)

// initOptions are the flags of init.
type initOptions struct {
	dir       string
	importKey string
	config.Choices
}

func (a *app) initCommand() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a starter configuration and the signing key",
		Long: `Write a starter configuration: aptfleet.toml, inventory.toml and the key that
signs the repository. Nothing is overwritten: what is there already stays.

The key is protected by a passphrase if APTFLEET_KEY_PASSPHRASE_FILE or
APTFLEET_KEY_PASSPHRASE gives one. Back it up: hosts that have lost the key's
trust have to be visited again.`,
		Example: `  aptfleet init --url http://deploy.example.com:8071 --origin Example
  aptfleet init --import-key old-archive-key.asc`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.initialize(o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.dir, "dir", ".", "`folder` to write to")
	flags.StringVar(&o.State, "state", "", "`folder` of the journal and the repository (default /var/lib/aptfleet)")
	flags.StringVar(&o.URL, "url", "", "`address` at which hosts reach the repository")
	flags.StringVar(&o.Origin, "origin", "", "`name` of the repository; hosts remember it")
	flags.StringVar(&o.importKey, "import-key", "", "secret key `file`, as gpg exports it, to use instead of a new one")
	return cmd
}

// initialize writes what is not there yet. The key comes first: a
// configuration that names a missing key would be half a beginning.
func (a *app) initialize(o initOptions) error {
	if o.State != "" {
		state, err := filepath.Abs(o.State)
		if err != nil {
			return err
		}
		o.State = state
	}
	cfg, inventory, err := config.Starter(o.Choices)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of the configuration: %w", err)
	}
	if err := a.initKey(filepath.Join(o.dir, keyName), o); err != nil {
		return err
	}
	return errors.Join(
		a.writeNew(filepath.Join(o.dir, inventoryName), inventory),
		a.writeNew(filepath.Join(o.dir, config.FileName), cfg),
	)
}

// initKey makes or imports the signing key.
func (a *app) initKey(path string, o initOptions) error {
	if _, err := os.Stat(path); err == nil {
		a.say("%s is there already and stays", path)
		return nil
	}
	passphrase, err := givenPassphrase()
	if err != nil {
		return err
	}
	key, err := o.key()
	if err != nil {
		return err
	}
	if err := key.Store(path, passphrase); err != nil {
		return err
	}
	a.say("%s written: %s", path, key.Fingerprint())
	return nil
}

// key returns the key to sign with.
func (o initOptions) key() (*sign.Key, error) {
	if o.importKey != "" {
		return sign.Import(o.importKey)
	}
	name := o.Origin
	if name == "" {
		name = "aptfleet"
	}
	return sign.Generate(name + " archive signing key")
}

// writeNew writes a file that is not there yet.
func (a *app) writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		a.say("%s is there already and stays", path)
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	a.say("%s written", path)
	return nil
}
