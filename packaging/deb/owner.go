package deb

import (
	"fmt"
	"strconv"
	"strings"
)

// The numbers that are the same on every Debian host (base-passwd). dpkg looks
// names up on the host where it unpacks; the number counts where it finds none,
// so a name that is not here gets root's.
var (
	staticUsers = map[string]int{
		"daemon": 1, "bin": 2, "sys": 3, "sync": 4, "games": 5, "man": 6, "lp": 7, "mail": 8, "news": 9, "uucp": 10,
		"proxy": 13, "www-data": 33, "backup": 34, "list": 38, "irc": 39, "nobody": 65534,
	}
	staticGroups = map[string]int{
		"daemon": 1, "bin": 2, "sys": 3, "adm": 4, "tty": 5, "disk": 6, "lp": 7, "mail": 8, "news": 9, "uucp": 10,
		"man": 12, "proxy": 13, "kmem": 15, "dialout": 20, "fax": 21, "voice": 22, "cdrom": 24, "floppy": 25,
		"tape": 26, "sudo": 27, "audio": 29, "dip": 30, "www-data": 33, "backup": 34, "operator": 37, "list": 38,
		"irc": 39, "src": 40, "shadow": 42, "utmp": 43, "video": 44, "sasl": 45, "plugdev": 46, "staff": 50,
		"games": 60, "users": 100, "nogroup": 65534,
	}
)

// account returns the name and number to write for an owner or group, which is
// a name, a number, or "" for root.
func account(owner string, static map[string]int) (name string, id int) {
	if owner == "" {
		return "root", 0
	}
	if n, err := strconv.Atoi(owner); err == nil {
		return "", n
	}
	return owner, static[owner]
}

// validateAccount accepts numbers, and the names that useradd does.
func validateAccount(s string) error {
	const letters = "abcdefghijklmnopqrstuvwxyz_"
	if n, err := strconv.ParseUint(s, 10, 31); err == nil && strconv.FormatUint(n, 10) == s {
		return nil
	}
	if s != "" && (len(s) > 31 || !strings.ContainsRune(letters, rune(s[0])) || strings.Trim(s, letters+"0123456789-.") != "") {
		return fmt.Errorf("%q is not the name or number of a user or group", s)
	}
	return nil
}
