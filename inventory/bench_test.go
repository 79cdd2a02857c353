package inventory

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkParse reads 1,000 groups of 100 hosts each: once with nothing else,
// and once with a table for every host.
func BenchmarkParse(b *testing.B) {
	for _, overrides := range []bool{false, true} {
		src := largeInventory(overrides)
		b.Run(fmt.Sprintf("overrides=%v", overrides), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				inv, err := Parse("i.toml", src)
				if err != nil || len(inv.hosts) != 100_000 {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSelect(b *testing.B) {
	inv, err := Parse("i.toml", largeInventory(false))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if hosts, err := inv.Select("label:n=g1*,!g100,!g1[0:9]", nil); err != nil || len(hosts) != 11_100-100-10 {
			b.Fatal(len(hosts), err)
		}
	}
}

func largeInventory(overrides bool) []byte {
	var b strings.Builder
	b.WriteString("[defaults]\nuser = \"deploy\"\n")
	for g := range 1000 {
		fmt.Fprintf(&b, "[groups.g%d]\nhosts = [\"g%d-[00-99].example.com\"]\nport = 22\nlabels = { n = \"g%d\" }\n", g, g, g)
		for h := 0; overrides && h < 100; h++ {
			fmt.Fprintf(&b, "[hosts.\"g%d-%02d.example.com\"]\naddress = \"10.0.%d.%d\"\n", g, h, g%256, h)
		}
	}
	return []byte(b.String())
}
