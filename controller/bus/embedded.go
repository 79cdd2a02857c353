package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// folderName is the bus's folder below the state folder: the store, the keys and
// the accounts.
const folderName = "bus"

// startEmbedded starts the server in this process, on a store that this process
// has for itself.
func (b *Bus) startEmbedded(ctx context.Context, folder string, l *Listen) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	var err error
	if b.secrets, err = ownSecrets(filepath.Join(folder, SecretsName)); err != nil {
		return err
	}
	account := public(b.secrets.account)
	if err := adoptStore(folder, account); err != nil {
		return err
	}
	known := storedStreams(folder, account)
	options, err := b.secrets.embedded(folder)
	if err != nil {
		return err
	}
	if l != nil {
		if err := l.open(options, folder); err != nil {
			return err
		}
	}
	if err := b.run(options, l != nil); err != nil {
		return err
	}
	return b.ensureStreams(ctx, folder, known)
}

// run starts a server and connects to it.
func (b *Bus) run(options *server.Options, watched bool) (err error) {
	if b.server, err = server.NewServer(options); err != nil {
		return err
	}
	b.server.SetLoggerV2(b.log, false, false, false)
	b.server.Start()
	if !b.server.ReadyForConnections(requestTimeout) {
		return errors.Join(errors.New("its server did not start"), b.log.failure())
	}
	b.dial = func(more ...nats.Option) (*nats.Conn, error) {
		return nats.Connect("", append(more, nats.InProcessServer(b.server), nats.Name("aptfleet"), nats.MaxReconnects(-1))...)
	}
	if watched {
		if err := b.monitorConnections(); err != nil {
			return err
		}
	}
	return b.connect()
}

// embedded returns the options of a server that serves this process alone.
func (s *secrets) embedded(folder string) (*server.Options, error) {
	operator, _, err := s.operatorClaims()
	if err != nil {
		return nil, err
	}
	accounts, err := s.accounts(filepath.Join(folder, "accounts"))
	if err != nil {
		return nil, err
	}
	return &server.Options{
		ServerName: "aptfleet",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   folder,
		SyncAlways: true, // see the package comment: never an option
		// A rollout names all of its hosts in one message.
		MaxPayload: maxPayload,
		// Limits of ours would come on top of the disk's; the default, three
		// quarters of what is free, would shrink with every start.
		JetStreamMaxStore:      1 << 50,
		JetStreamMaxMemory:     64 << 20,
		DisableJetStreamBanner: true,

		TrustedOperators: []*jwt.OperatorClaims{operator},
		SystemAccount:    public(s.system),
		AccountResolver:  accounts,
	}, nil
}

const maxPayload = 8 << 20

// accounts returns the folder from which the server takes accounts, with ours in
// it as this version of the program wants them; who was shut out stays so.
func (s *secrets) accounts(folder string) (*server.DirAccResolver, error) {
	resolver, err := server.NewDirAccResolver(folder, 0, time.Hour, server.NoDelete)
	if err != nil {
		return nil, fmt.Errorf("cannot open the accounts: %w", err)
	}
	var revoked jwt.RevocationList
	stored, err := resolver.LoadAcc(public(s.account))
	if err == nil {
		if claims, err := jwt.DecodeAccountClaims(stored); err == nil { // a power cut may have damaged it, and reports tell who is shut out
			revoked = claims.Revocations
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the accounts: %w", err)
	}
	account, err := s.accountClaims(revoked)
	if err != nil {
		return nil, err
	}
	system, err := s.systemClaims()
	if err != nil {
		return nil, err
	}
	return resolver, errors.Join(resolver.Store(public(s.account), account), resolver.Store(public(s.system), system))
}

// adoptStore gives the account the streams of a store from before there were
// accounts.
func adoptStore(folder, account string) error {
	before := filepath.Join(folder, "jetstream", "$G")
	if _, err := os.Stat(before); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.Rename(before, filepath.Join(folder, "jetstream", account)); err != nil {
		return fmt.Errorf("cannot take over the store of an earlier version: %w", err)
	}
	return syncPath(filepath.Join(folder, "jetstream"))
}

// Address returns where the server listens, nil if nowhere or elsewhere.
func (b *Bus) Address() net.Addr {
	if b.server == nil {
		return nil
	}
	return b.server.Addr()
}
