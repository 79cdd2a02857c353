package tomlfile

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written with its unit: "512MiB", "1.5GB". It is
// never negative.
type Size int64

var units = map[string]float64{
	"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// UnmarshalText reads a decimal number with one of the units B, kB, MB, GB and
// TB, which are powers of 1000, or KiB, MiB, GiB and TiB, powers of 1024.
func (s *Size) UnmarshalText(text []byte) error {
	digits := strings.TrimRight(string(text), "BkKMGTi")
	unit, known := units[string(text[len(digits):])]
	n, err := strconv.ParseFloat(digits, 64)
	if !known || err != nil || strings.Trim(digits, "0123456789.") != "" || n*unit >= math.MaxInt64 {
		return fmt.Errorf("%q is no size such as \"512MiB\" or \"1.5GB\"", text)
	}
	*s = Size(n * unit)
	return nil
}

// String returns the size as it is written in a file, in the largest unit that
// it is a whole number of.
func (s Size) String() string {
	for _, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if n := int64(units[unit]); s != 0 && int64(s)%n == 0 {
			return strconv.FormatInt(int64(s)/n, 10) + unit
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}
