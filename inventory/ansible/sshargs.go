package ansible

import (
	"strings"

	"github.com/aptfleet/aptfleet/inventory"
)

// sshArgs reads the arguments that Ansible hands to ssh.
func (t *translation) sshArgs(variable, args string) {
	words, err := splitWords(args)
	if err != nil {
		t.leave("%s (%v)", variable, err)
		return
	}
	for len(words) > 0 {
		flag, value := words[0], ""
		words = words[1:]
		if len(flag) > 2 && flag[0] == '-' && flag[1] != '-' {
			flag, value = flag[:2], flag[2:]
		} else if strings.Contains("-o -J -p -l -i -F -S -E", flag) && len(words) > 0 {
			value, words = words[0], words[1:]
		}
		if !t.sshFlag(flag, value) {
			t.leave("%s: %s", variable, strings.TrimSpace(flag+" "+value))
		}
	}
}

// sshFlag says whether nothing is lost by what it made of the flag.
func (t *translation) sshFlag(flag, value string) bool {
	switch flag {
	case "-o":
		keyword, value, ok := strings.Cut(value, "=")
		if !ok {
			keyword, value, _ = strings.Cut(keyword, " ")
		}
		return t.sshOption(strings.ToLower(strings.TrimSpace(keyword)), strings.TrimSpace(value))
	case "-J":
		return t.sshOption("proxyjump", value)
	case "-p":
		return t.sshOption("port", value)
	case "-l":
		return t.sshOption("user", value)
	case "-i":
		return t.sshOption("identityfile", value)
	case "-C", "-q", "-4", "-6", "-T", "-x", "-a", "-v":
		return true
	}
	return false
}

func (t *translation) sshOption(keyword, value string) bool {
	switch keyword {
	case "proxyjump":
		return t.jump(value)
	case "proxycommand":
		if value == "none" {
			return t.jump(value)
		}
		jump, lost, ok := inventory.JumpOfProxyCommand(value)
		if !ok || !t.jump(jump) {
			return false
		}
		for _, option := range lost {
			t.leave("%s for %s, which ~/.ssh/config may say", option, jump)
		}
	case "identityfile":
		t.unlessSaid("identity", quote(value))
	case "user":
		t.unlessSaid("user", quote(value))
	case "hostkeyalias":
		t.unlessSaid("host_key_alias", quote(value))
	case "userknownhostsfile":
		if value == "/dev/null" || strings.ContainsAny(value, " %") {
			return false // we always check host keys
		}
		t.unlessSaid("known_hosts", "["+quote(value)+"]")
	case "controlmaster", "controlpersist", "controlpath", "serveraliveinterval", "serveralivecountmax", "batchmode",
		"compression", "loglevel", "preferredauthentications", "identitiesonly", "tcpkeepalive", "gssapiauthentication":
	default:
		return false
	}
	return true
}

func (t *translation) jump(value string) bool {
	if strings.ContainsAny(value, "% {") || value == "" {
		return false
	}
	t.unlessSaid("jump", quote(value))
	return true
}

// unlessSaid sets what a variable of its own would say more strongly.
func (t *translation) unlessSaid(key, value string) {
	if _, said := t.out[key]; !said {
		t.out[key] = value
	}
}
