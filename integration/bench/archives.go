package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// signingHome makes a gpg home with one key without a passphrase, and returns
// its folder.
func signingHome(ctx context.Context, dir string) (string, error) {
	home := filepath.Join(dir, "gnupg")
	if err := os.Mkdir(home, 0o700); err != nil {
		return "", err
	}
	gpg := exec.CommandContext(ctx, "gpg", "--homedir", home, "--batch", "--passphrase", "", "--quick-generate-key", "bench@example.com", "ed25519", "sign", "0")
	err := quietly(gpg)
	agent := exec.CommandContext(ctx, "gpgconf", "--homedir", home, "--kill", "gpg-agent") // each signs with its own
	return home, errors.Join(err, quietly(agent))
}

func withHome(cmd *exec.Cmd, home string) *exec.Cmd {
	cmd.Env = append(os.Environ(), "GNUPGHOME="+home)
	return cmd
}

// repreproArchive writes no .xz, which would be 20 times as slow.
func repreproArchive(home string) archive {
	return archive{
		name: "reprepro",
		create: func(_ context.Context, dir string) error {
			conf := filepath.Join(dir, "conf")
			return errors.Join(os.Mkdir(conf, 0o755), os.WriteFile(filepath.Join(conf, "distributions"), []byte(
				"Origin: bench\nLabel: bench\nSuite: stable\nCodename: stable\nArchitectures: amd64\nComponents: main\n"+
					"DebIndices: Packages Release . .gz\nSignWith: bench@example.com\n"), 0o644))
		},
		publish: func(ctx context.Context, dir string, debs []string) *exec.Cmd {
			return withHome(exec.CommandContext(ctx, "reprepro", append([]string{"-s", "-b", dir, "includedeb", "stable"}, debs...)...), home)
		},
	}
}

// aptlyArchive writes neither Contents nor .bz2.
func aptlyArchive(home string) archive {
	config := func(dir string) string { return filepath.Join(dir, "aptly.conf") }
	return archive{
		name: "aptly",
		create: func(ctx context.Context, dir string) error {
			conf, err := json.Marshal(map[string]any{"rootDir": dir, "skipContentsPublishing": true, "skipBz2Publishing": true, "architectures": []string{"amd64"}})
			if err != nil {
				return err
			}
			create := exec.CommandContext(ctx, "aptly", "-config="+config(dir), "repo", "create", "-distribution=stable", "bench")
			return errors.Join(os.WriteFile(config(dir), conf, 0o644), quietly(create))
		},
		publish: func(ctx context.Context, dir string, debs []string) *exec.Cmd {
			list := filepath.Join(dir, "incoming")
			script := `config=$1 list=$2 home=$3 dir=$4
export GNUPGHOME="$home"
xargs aptly -config="$config" repo add bench <"$list" >/dev/null
if [ -e "$dir/public/dists/stable/Release" ]; then
	aptly -config="$config" publish update -batch -skip-contents -skip-bz2 stable >/dev/null
else
	aptly -config="$config" publish repo -batch -acquire-by-hash -skip-contents -skip-bz2 bench >/dev/null
fi`
			return scripted(ctx, script, list, debs, config(dir), list, home, dir)
		},
	}
}

// ftparchive is apt-ftparchive with its cache and one hash, and what a script
// around it must do besides: copy, pack and sign.
func ftparchive(home string) archive {
	return archive{
		name: "apt-ftparchive",
		create: func(_ context.Context, dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "pool"), 0o755), os.MkdirAll(filepath.Join(dir, "dists/stable/main/binary-amd64"), 0o755))
		},
		publish: func(ctx context.Context, dir string, debs []string) *exec.Cmd {
			list := filepath.Join(dir, "incoming")
			script := `cd "$1"; list=$2
export GNUPGHOME="$3"
xargs cp -t pool <"$list"
only="-o APT::FTPArchive::MD5=false -o APT::FTPArchive::SHA1=false -o APT::FTPArchive::SHA512=false"
apt-ftparchive --db cache.db $only packages pool >dists/stable/main/binary-amd64/Packages
gzip -6 -k -f dists/stable/main/binary-amd64/Packages
apt-ftparchive $only -o APT::FTPArchive::Release::Suite=stable release dists/stable >Release
mv Release dists/stable/Release
gpg --batch --yes --clearsign -o dists/stable/InRelease dists/stable/Release
gpg --batch --yes -abs -o dists/stable/Release.gpg dists/stable/Release`
			return scripted(ctx, script, list, debs, dir, list, home)
		},
	}
}

// scripted returns a shell script that finds the packages in list.
func scripted(ctx context.Context, script, list string, debs []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-euc", script, "sh"}, args...)...)
	if err := os.WriteFile(list, []byte(strings.Join(debs, "\n")+"\n"), 0o644); err != nil {
		cmd.Err = fmt.Errorf("cannot name the packages: %w", err)
	}
	return cmd
}
