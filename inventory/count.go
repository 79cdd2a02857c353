package inventory

import "strconv"

// Count says in words how many hosts there are: "1 host", "20 hosts".
func Count(hosts int) string {
	if hosts == 1 {
		return "1 host"
	}
	return strconv.Itoa(hosts) + " hosts"
}
