package config

import (
	"errors"
	"fmt"

	"github.com/aptfleet/aptfleet/controller/notify"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

type notifyTable struct {
	Name    string        `toml:"name"`
	On      []notify.On   `toml:"on"`
	Webhook *webhookTable `toml:"webhook"`
	Mail    *mailTable    `toml:"mail"`
	Command []string      `toml:"command"`
}

type webhookTable struct {
	URL        string `toml:"url"`
	URLFile    string `toml:"url_file"`
	URLEnv     string `toml:"url_env"`
	SecretFile string `toml:"secret_file"`
	SecretEnv  string `toml:"secret_env"`
}

type mailTable struct {
	Server       string            `toml:"server"`
	Encryption   notify.Encryption `toml:"encryption"`
	User         string            `toml:"user"`
	PasswordFile string            `toml:"password_file"`
	PasswordEnv  string            `toml:"password_env"`
	From         string            `toml:"from"`
	To           []string          `toml:"to"`
}

func (t notifyTable) resolve(source *tomlfile.File) notify.Target {
	secret := func(file, env string) notify.Secret {
		if file != "" {
			file = source.Path(file)
		}
		return notify.Secret{File: file, Env: env}
	}
	target := notify.Target{Name: t.Name, On: t.On, Command: t.Command}
	if w := t.Webhook; w != nil {
		target.Webhook = &notify.Webhook{URL: w.URL, URLFrom: secret(w.URLFile, w.URLEnv), Secret: secret(w.SecretFile, w.SecretEnv)}
	}
	if m := t.Mail; m != nil {
		target.Mail = &notify.Mail{
			Server: m.Server, Encryption: m.Encryption, User: m.User, Password: secret(m.PasswordFile, m.PasswordEnv), From: m.From, To: m.To,
		}
	}
	return target
}

// resolveNotify makes targets of their tables.
func resolveNotify(source *tomlfile.File, tables []notifyTable) ([]notify.Target, error) {
	var targets []notify.Target
	var errs []error
	names := map[string]bool{}
	for i, table := range tables {
		target := table.resolve(source)
		err := target.Validate()
		if names[target.Name] {
			err = errors.Join(err, fmt.Errorf("the name %q is there twice", target.Name))
		}
		if err != nil {
			errs = append(errs, source.Errorf(tomlfile.Key{"notify", tomlfile.Index(i)}, "%w", err))
		}
		names[target.Name] = true
		targets = append(targets, target)
	}
	return targets, errors.Join(errs...)
}
