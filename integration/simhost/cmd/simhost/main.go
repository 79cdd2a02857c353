// Command simhost plays SSH hosts until it is told to end.
//
//	simhost -n 1000 -files /tmp/sim -rtt 10ms -fault mute:1%,lock:5%
//
// Once all hosts are up it prints the folder's files as one line of JSON on
// stdout: identity, known_hosts (plain and hashed), hosts, inventory.toml and
// ssh_config. SIGUSR1 prints the counters as JSON on stderr; so does the end.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aptfleet/aptfleet/integration/simhost"
	"golang.org/x/crypto/ssh"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "simhost:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	options, dir, err := parse(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fleet, err := simhost.Start(options)
	if err != nil {
		return err
	}
	defer fleet.Close()
	files, err := fleet.WriteFiles(dir)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(files); err != nil {
		return fmt.Errorf("cannot say that the hosts are up: %w", err)
	}
	return tell(ctx, fleet)
}

// tell prints the counters whenever it is asked to, and at the end.
func tell(ctx context.Context, fleet *simhost.Fleet) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	for {
		select {
		case <-asked:
		case <-ctx.Done():
		}
		if err := json.NewEncoder(os.Stderr).Encode(fleet.Counters()); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// parse reads the flags; dir is where clients' files go.
func parse(args []string) (o simhost.Options, dir string, err error) {
	flags := flag.NewFlagSet("simhost", flag.ContinueOnError)
	debian := &simhost.Debian{}
	flags.IntVar(&o.Hosts, "n", 100, "number of hosts")
	flags.TextVar(&o.Base, "base", netip.MustParseAddr("127.10.0.1"), "address of host 0; the others follow")
	flags.IntVar(&o.Port, "port", 2200, "port of every host")
	flags.BoolVar(&o.Each, "each", false, "a listener for every host, so that refused connections are real")
	flags.StringVar(&o.Seed, "seed", "", "all keys follow from it")
	flags.BoolVar(&o.Certificates, "certificates", false, "hosts show certificates")
	flags.DurationVar(&o.RTT, "rtt", 0, "round trip time to add")
	flags.DurationVar(&o.Jitter, "jitter", 0, "up to this much more, each way")
	flags.DurationVar(&o.Slow, "slow", 10*time.Second, "what a slow host takes longer for each command")
	flags.IntVar(&o.MaxSessions, "max-sessions", 10, "sessions of a connection; negative for no limit")
	flags.DurationVar(&debian.Duration, "duration", 0, "how long an apt-get that installs takes")
	flags.IntVar(&debian.Lines, "lines", 20, "about how many lines it prints")
	flags.StringVar(&debian.Sudo.Password, "sudo-password", "", "what sudo asks for")
	flags.BoolVar(&debian.Sudo.Absent, "no-sudo", false, "hosts have no sudo")
	flags.StringVar(&dir, "files", "", "folder for the clients' files (must exist)")
	text := texts{}
	flags.StringVar(&text.keys, "keys", "ed25519", "types of host keys: ed25519,ecdsa,rsa")
	flags.StringVar(&text.faults, "fault", "", "KIND:SHARE,… of refuse mute wrongkey noauth slow hang drop lock fail")
	flags.StringVar(&text.startups, "max-startups", "", "as in sshd_config, START:RATE:FULL for each host")
	flags.StringVar(&text.authority, "user-ca", "", "public key file of an authority whose user certificates are accepted")
	verbose := flags.Bool("v", false, "say more")
	if err := flags.Parse(args); err != nil {
		return o, "", err
	}
	if flags.NArg() > 0 || dir == "" {
		return o, "", errors.New("want -files FOLDER and no other word; -h says what there is")
	}
	o.Script = debian.Play
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level(*verbose)}))
	return o, dir, text.apply(&o)
}

func level(verbose bool) slog.Level {
	if verbose {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// texts are flags that need reading.
type texts struct{ keys, faults, startups, authority string }

func (t texts) apply(o *simhost.Options) error {
	for name := range strings.SplitSeq(t.keys, ",") {
		o.KeyTypes = append(o.KeyTypes, simhost.KeyType(name))
	}
	shares, err := simhost.ParseShares(t.faults)
	if err != nil {
		return err
	}
	o.Fault = shares.Of
	if o.MaxStartups, err = simhost.ParseStartups(t.startups); err != nil {
		return err
	}
	o.UserAuthority, err = authority(t.authority)
	return err
}

// authority reads a public key file; "" is none.
func authority(path string) (ssh.PublicKey, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the users' authority: %w", err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the users' authority %s: %w", path, err)
	}
	return key, nil
}
