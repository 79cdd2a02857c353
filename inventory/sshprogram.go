package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// sshProgram asks ssh itself what it would do for a host: "ssh -G", 9 ms of a processor each.
type sshProgram struct {
	files    []string
	defaults sshOptions // what ssh says where the files say nothing

	mu    sync.Mutex
	known map[[2]string]func() (sshOptions, error)
}

// patience is how long a host's Match exec may take.
const patience = 30 * time.Second

func askSSH(files []string) (*SSHConfig, error) {
	p := &sshProgram{known: map[[2]string]func() (sshOptions, error){}}
	var err error
	if p.defaults, err = p.ask("aptfleet-no-such-host", ""); err != nil {
		return nil, fmt.Errorf("cannot read ssh_config %s: it has a Match line, which only ssh understands: %w", strings.Join(files, ", "), err)
	}
	p.files = files
	return &SSHConfig{options: p.options}, nil
}

// options asks once for each host and user.
func (p *sshProgram) options(host, user string) (sshOptions, error) {
	p.mu.Lock()
	ask, known := p.known[[2]string{host, user}]
	if !known {
		ask = sync.OnceValues(func() (sshOptions, error) { return p.explicit(host, user) })
		p.known[[2]string{host, user}] = ask
	}
	p.mu.Unlock()
	return ask()
}

// explicit drops what ssh would do anyway: for those we have defaults of our own.
func (p *sshProgram) explicit(host, user string) (sshOptions, error) {
	said, err := p.ask(host, user)
	for _, keyword := range sshKeywords {
		if slices.Equal(said[keyword], p.defaults[keyword]) {
			delete(said, keyword)
		}
	}
	return said, err
}

// ask runs ssh on a configuration that includes the files, in their order: with
// -F it would take but one, and the machine's not at all.
func (p *sshProgram) ask(host, user string) (sshOptions, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	argv := []string{"-G", "-F", "/dev/stdin"}
	if user != "" {
		argv = append(argv, "-l", user)
	}
	cmd := exec.CommandContext(ctx, "ssh", append(argv, "--", host)...)
	var config strings.Builder
	for _, file := range p.files {
		fmt.Fprintf(&config, "Include %q\n", file)
	}
	cmd.Stdin = strings.NewReader(config.String())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if text := strings.TrimSpace(stderr.String()); err != nil && text != "" {
		return nil, errors.New(text)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot run ssh: %w", err)
	}
	return parseSSHDump(string(out)), nil
}

// parseSSHDump reads what ssh -G writes: a keyword and its value a line.
func parseSSHDump(out string) sshOptions {
	said := sshOptions{}
	for line := range strings.Lines(out) {
		keyword, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		switch {
		case !slices.Contains(sshKeywords, keyword) || value == "":
		case keyword == "userknownhostsfile":
			said[keyword] = strings.Fields(value)
		default:
			said[keyword] = append(said[keyword], value)
		}
	}
	return said
}
