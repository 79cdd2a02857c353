package cli

import (
	"testing"
	"time"
)

func TestPollEvery(t *testing.T) {
	for _, tt := range []struct {
		settle time.Duration
		hosts  int
		want   time.Duration
	}{
		{0, 3, 10 * time.Second},
		{30 * time.Second, 1000, 30 * time.Second},
		{time.Hour, 1000, time.Minute},
		{30 * time.Second, 10_000, 100 * time.Second},
	} {
		if got := pollEvery(tt.settle, tt.hosts); got != tt.want {
			t.Errorf("with a settle of %v, each of %d hosts is looked at every %v, want %v", tt.settle, tt.hosts, got, tt.want)
		}
	}
}
