package inventory

import "strings"

// JumpOfProxyCommand returns the jump that a ProxyCommand of the form "ssh -W
// %h:%p [user@]bastion" amounts to, which is how jumps were written before ssh
// had ProxyJump. It says false if the command does anything else. Lost is what it
// says of the way to the bastion itself, such as "-i key", which no jump can say.
func JumpOfProxyCommand(command string) (jump string, lost []string, ok bool) {
	words := splitWords(command)
	if len(words) > 0 && words[0] == "exec" {
		words = words[1:]
	}
	if len(words) == 0 || words[0] != "ssh" && !strings.HasSuffix(words[0], "/ssh") {
		return "", nil, false
	}
	said := map[string]string{}
	for words = words[1:]; len(words) > 0; {
		var option, value string
		option, value, words = nextOption(words)
		_, twice := said[option]
		switch option {
		case "", "-W", "-l", "-p":
			if twice || value == "" {
				return "", nil, false // a second word that is no option is a command
			}
			said[option] = value
		case "-q", "-x", "-a", "-T", "-4", "-6":
		case "-i", "-o", "-F":
			lost = append(lost, option+" "+value)
		default:
			return "", nil, false
		}
	}
	if forward := said["-W"]; said[""] == "" || forward != "%h:%p" && forward != "[%h]:%p" {
		return "", nil, false
	}
	return joinJump(said["-l"], said[""], said["-p"]), lost, true
}

// nextOption splits "-W x" or "-Wx" off words; the option is "" for a word that
// is none.
func nextOption(words []string) (option, value string, rest []string) {
	switch word := words[0]; {
	case len(word) < 2 || word[0] != '-':
		return "", word, words[1:]
	case strings.Contains("qxaT46", word[1:2]):
		return word, "", words[1:]
	case len(word) > 2:
		return word[:2], word[2:], words[1:]
	case len(words) > 1:
		return word, words[1], words[2:]
	default:
		return word, "", nil
	}
}

func joinJump(user, host, port string) string {
	if user != "" && !strings.Contains(host, "@") {
		host = user + "@" + host
	}
	if port != "" {
		host += ":" + port
	}
	return host
}
