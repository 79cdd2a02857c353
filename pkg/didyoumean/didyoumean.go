// Package didyoumean finds the word that a person probably meant, for messages
// about names that do not exist.
package didyoumean

import (
	"fmt"
	"iter"
)

// Hint returns ` (did you mean "x"?)` with the nearest of candidates, or ""
// where none is near. Written to be appended to a message.
func Hint(word string, candidates iter.Seq[string]) string {
	if near := Nearest(word, candidates); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// Nearest returns the candidate that differs from word in the fewest typing
// mistakes, or "" if all differ in more than a third of their letters. Of
// equally near ones it is the first.
func Nearest(word string, candidates iter.Seq[string]) string {
	best, nearest := max(1, len(word)/3)+1, ""
	for c := range candidates {
		if abs(len(c)-len(word)) >= best {
			continue
		}
		if d := distance(word, c); d < best {
			best, nearest = d, c
		}
	}
	return nearest
}

// distance counts the insertions, deletions, replacements and exchanges of two
// neighbours that make a into b (optimal string alignment), in bytes.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

func abs(n int) int { return max(n, -n) }
