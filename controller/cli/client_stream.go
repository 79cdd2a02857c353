package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// stream asks for lines that come as things happen.
func stream[L line](ctx context.Context, c *client, method, path string, body any) iter.Seq2[L, error] {
	return func(yield func(L, error) bool) {
		answer, err := c.send(ctx, method, path, body)
		if err != nil {
			yield(*new(L), err)
			return
		}
		defer answer.Body.Close()
		lines := bufio.NewReader(answer.Body)
		for {
			text, err := lines.ReadString('\n')
			if errors.Is(err, io.EOF) && text == "" {
				return
			}
			l, some, err := readLine[L](text, err)
			if (some || err != nil) && !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// readLine reads a line of a stream; some are empty.
func readLine[L line](text string, err error) (l L, some bool, _ error) {
	if err != nil {
		return l, false, fmt.Errorf("the daemon has gone away: %w", err)
	}
	if strings.TrimSpace(text) == "" {
		return l, false, nil
	}
	var head struct {
		Type string `json:"type"`
	}
	var p problem
	err = json.Unmarshal([]byte(text), &head)
	switch {
	case err != nil:
	case head.Type == "problem":
		if err = json.Unmarshal([]byte(text), &p); err == nil {
			return l, false, p.err()
		}
	default:
		err = json.Unmarshal([]byte(text), &l)
	}
	if err != nil {
		return l, false, fmt.Errorf("cannot read the daemon's answer: %w", err)
	}
	return l, true, nil
}
