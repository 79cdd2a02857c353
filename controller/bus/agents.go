package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/aptfleet/aptfleet/pkg/pause"
)

// IssueToken returns the token with which the agent of that public key may connect;
// name tells people whose it is. An agent that was shut out is let in again.
func (b *Bus) IssueToken(ctx context.Context, agent, name string) (string, error) {
	if !nkeys.IsValidPublicUserKey(agent) {
		return "", fmt.Errorf("%.80q is no public key of an agent", agent)
	}
	account, err := b.account(ctx)
	if err != nil {
		return "", err
	}
	// What is signed in the second of a revocation, or before, is refused.
	if at, ok := account.Revocations[agent]; ok {
		if err := pause.For(ctx, time.Until(time.Unix(at+1, 0))); err != nil {
			return "", err
		}
	}
	claims := jwt.NewUserClaims(agent)
	claims.SetScoped(true)
	claims.Name = name
	claims.IssuerAccount = public(b.secrets.account)
	token, err := claims.Encode(b.secrets.agents)
	if err != nil {
		return "", fmt.Errorf("cannot sign for the agent: %w", err)
	}
	return token, nil
}

// TokenValid reports whether a token lets the agent of that public key in.
func (b *Bus) TokenValid(ctx context.Context, token, agent string) (bool, error) {
	account, err := b.account(ctx)
	if err != nil {
		return false, err
	}
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return false, nil // damaged, and so of no use
	}
	return claims.Subject == agent && claims.Issuer == public(b.secrets.agents) && claims.HasEmptyPermissions() &&
		claims.IssuerAccount == public(b.secrets.account) && claims.Expires == 0 && !account.IsClaimRevoked(claims), nil
}

// Revoke refuses the tokens that agents of these public keys were given up to a
// time, and ends the connections that they have with them. It may be repeated.
func (b *Bus) Revoke(ctx context.Context, at time.Time, agents ...string) error {
	const attempts = 5 // of two controllers at once, one may overwrite the other
	for range attempts {
		account, err := b.account(ctx)
		if err != nil {
			return err
		}
		missing := false
		for _, agent := range agents {
			if _, there := account.Revocations[agent]; !there || account.Revocations[agent] < at.Unix() {
				account.RevokeAt(agent, at)
				missing = true
			}
		}
		if !missing {
			return nil
		}
		if err := b.publishAccount(ctx, account.Revocations); err != nil {
			return err
		}
	}
	return errors.New("cannot shut out agents: other controllers change the bus's account at the same time")
}

// account returns the account as the servers have it.
func (b *Bus) account(ctx context.Context) (*jwt.AccountClaims, error) {
	reply, err := b.askServers(ctx, "$SYS.REQ.ACCOUNT."+public(b.secrets.account)+".CLAIMS.LOOKUP", nil)
	if err != nil {
		return nil, fmt.Errorf("cannot read the bus's account: %w", err)
	}
	claims, err := jwt.DecodeAccountClaims(string(reply))
	if err != nil {
		return nil, fmt.Errorf("cannot read the bus's account: %w", err)
	}
	return claims, nil
}

// publishAccount gives the servers the account with a new list of revocations.
func (b *Bus) publishAccount(ctx context.Context, revoked jwt.RevocationList) error {
	token, err := b.secrets.accountClaims(revoked)
	if err != nil {
		return fmt.Errorf("cannot sign the bus's account: %w", err)
	}
	reply, err := b.askServers(ctx, "$SYS.REQ.CLAIMS.UPDATE", []byte(token))
	if err != nil {
		return fmt.Errorf("cannot change the bus's account: %w", err)
	}
	var answer struct {
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(reply, &answer); err != nil {
		return fmt.Errorf("cannot change the bus's account: %w", err)
	}
	if answer.Error != nil {
		return fmt.Errorf("cannot change the bus's account: %s", answer.Error.Description)
	}
	return nil
}

// askServers sends a request to those who look after the servers and returns
// the first answer.
func (b *Bus) askServers(ctx context.Context, subject string, data []byte) ([]byte, error) {
	conn, err := b.systemConn()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var reply *nats.Msg
	err = b.Ask(ctx, func(ctx context.Context) error { reply, err = conn.RequestWithContext(ctx, subject, data); return err })
	if err != nil {
		return nil, err
	}
	return reply.Data, nil
}

// systemConn connects as one who looks after the servers.
func (b *Bus) systemConn() (*nats.Conn, error) {
	as, err := user(b.secrets.system)
	if err != nil {
		return nil, err
	}
	return b.dial(as)
}
