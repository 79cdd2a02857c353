package simhost

import (
	"math"
	"testing"
)

func TestShares(t *testing.T) {
	shares, err := ParseShares("mute:1%,lock:0.05,fail:10%")
	if err != nil {
		t.Fatal(err)
	}
	for _, hosts := range []int{100, 1000, 9999} {
		count := map[Fault]int{}
		for host := range hosts {
			count[shares.Of(host)]++
		}
		for fault, share := range map[Fault]float64{Mute: 0.01, Lock: 0.05, Fail: 0.1, None: 0.84} {
			if want := share * float64(hosts); math.Abs(float64(count[fault])-want) > 2 {
				t.Errorf("%q has %d of %d hosts, want %.0f", fault, count[fault], hosts, want)
			}
		}
	}
	if none, err := ParseShares(""); err != nil || none.Of(3) != None {
		t.Errorf("no shares: %v, error %v", none, err)
	}
}

func TestParseSharesRefuses(t *testing.T) {
	for _, text := range []string{"mute", "mute:", "mute:x", "mute:-1%", "mute:101%", "mute:NaN", "quiet:1%", "mute:60%,lock:60%", ":5%"} {
		if shares, err := ParseShares(text); err == nil {
			t.Errorf("%q was read as %v", text, shares)
		}
	}
}

func FuzzParseShares(f *testing.F) {
	for _, seed := range []string{"", "mute:1%", "mute:1%,lock:0.05", "mute:NaN", "fail:1e-3", ",,", "hang:100%,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shares, err := ParseShares(text)
		for _, share := range shares {
			if err == nil && !(share.Of1 >= 0 && share.Of1 <= 1) {
				t.Errorf("%q has share %v", text, share)
			}
		}
	})
}

func TestParseStartups(t *testing.T) {
	for text, want := range map[string]Startups{"": {}, "10:30:100": {10, 30, 100}, "5": {5, 100, 5}} {
		if got, err := ParseStartups(text); err != nil || got != want {
			t.Errorf("%q was read as %v, error %v", text, got, err)
		}
	}
	for _, text := range []string{"x", "10:30", "10:30:5", "0:1:2", "1:200:3", "1:2:3:4", "5 "} {
		if got, err := ParseStartups(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

// The chance rises from Rate percent at Begin to all at Full (sshd_config(5)).
func TestStartupsRefuse(t *testing.T) {
	s := Startups{10, 30, 100}
	for waiting, want := range map[int]float64{0: 0, 9: 0, 10: 0.30, 55: 0.65, 99: 0.99, 100: 1, 500: 1} {
		const tries = 20000
		refused := 0
		for range tries {
			if s.refuses(waiting) {
				refused++
			}
		}
		if got := float64(refused) / tries; math.Abs(got-want) > 0.03 {
			t.Errorf("with %d waiting %.2f are refused, want %.2f", waiting, got, want)
		}
	}
	if (Startups{}).refuses(1 << 20) {
		t.Error("no limit refused")
	}
}
