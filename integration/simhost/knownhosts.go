package simhost

import (
	"bufio"
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// WriteKnownHosts writes a known_hosts file (sshd(8)) of all hosts: one line
// for each key of each, with the name hashed as ssh does under HashKnownHosts,
// or plain. Where the hosts have certificates it is one line for their authority.
func (f *Fleet) WriteKnownHosts(w io.Writer, hashed bool) error {
	buffered := bufio.NewWriter(w)
	if f.options.Certificates {
		// With the port: to some clients a bare * means port 22 only.
		fmt.Fprintf(buffered, "@cert-authority [127.*]:%d %s", f.options.Port, ssh.MarshalAuthorizedKey(f.Authority()))
	} else if err := f.writeKeys(buffered, hashed); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("cannot write known hosts: %w", err)
	}
	return nil
}

func (f *Fleet) writeKeys(w io.Writer, hashed bool) error {
	for host := range f.options.Hosts {
		keys, err := f.keys.of(host)
		if err != nil {
			return err
		}
		for _, key := range keys {
			name := knownhosts.Normalize(f.Address(host).String())
			if hashed {
				name = knownhosts.HashHostname(name)
			}
			fmt.Fprintf(w, "%s %s", name, ssh.MarshalAuthorizedKey(key.PublicKey())) // an error stays for Flush
		}
	}
	return nil
}
