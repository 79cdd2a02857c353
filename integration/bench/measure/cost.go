package measure

import (
	"fmt"
	"slices"
	"time"
)

// Cost is what a command and all its descendants took.
type Cost struct {
	Wall      time.Duration
	CPU       time.Duration // user and system, of every process, those that became daemons too
	RSS       int64         // bytes; the highest sum of resident memory, shared pages counted by each process
	PSS       int64         // bytes; the highest sum of proportional memory, shared pages counted once
	Processes int           // the most at one time
}

// String says all of c in one line, for a log.
func (c Cost) String() string {
	return fmt.Sprintf("wall %.2f s, CPU %.2f s, RSS %.1f MiB, PSS %.1f MiB, %d processes",
		c.Wall.Seconds(), c.CPU.Seconds(), MiB(c.RSS), MiB(c.PSS), c.Processes)
}

// Minus returns c without the CPU and wall time of d, which never go below
// zero. Memory and processes stay as they are, since peaks do not add up.
func (c Cost) Minus(d Cost) Cost {
	c.Wall = max(0, c.Wall-d.Wall)
	c.CPU = max(0, c.CPU-d.CPU)
	return c
}

// MiB converts bytes.
func MiB(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// Samples are the costs of one thing done several times.
type Samples []Cost

// Median returns the median of each field on its own; of an even number of
// samples the lower one. Without samples it is the zero Cost.
func (s Samples) Median() Cost {
	if len(s) == 0 {
		return Cost{}
	}
	return Cost{
		Wall:      median(s, func(c Cost) time.Duration { return c.Wall }),
		CPU:       median(s, func(c Cost) time.Duration { return c.CPU }),
		RSS:       median(s, func(c Cost) int64 { return c.RSS }),
		PSS:       median(s, func(c Cost) int64 { return c.PSS }),
		Processes: median(s, func(c Cost) int { return c.Processes }),
	}
}

func median[T int | int64 | time.Duration](s Samples, field func(Cost) T) T {
	values := make([]T, len(s))
	for i, c := range s {
		values[i] = field(c)
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
