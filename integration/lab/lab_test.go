package lab

import "strconv"

func fmtPort(h Host) string { return strconv.Itoa(h.Port()) }
