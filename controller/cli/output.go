package cli

import (
	"encoding/json"
	"fmt"
	"io"
)

// line is one result: a struct whose JSON form is documented and stable, and
// that can write itself for people.
type line interface {
	kind() string // the value of "type" in the JSON form
	text(w io.Writer)
}

// print writes one result to stdout, in the form that was asked for.
func (a *app) print(l line) error {
	if !a.json {
		l.text(a.Out)
		return nil
	}
	o, err := encode(l)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Out, "%s\n", o)
	return err
}

// printAll prints results in their order.
func printAll[L line](a *app, lines []L) error {
	for _, l := range lines {
		if err := a.print(l); err != nil {
			return err
		}
	}
	return nil
}

// encode returns the JSON form of a result, which the daemon's API has too.
func encode(l line) (json.RawMessage, error) {
	b, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "{\"type\":%q,%s", l.kind(), b[1:]), nil
}

// say tells people what goes on; it is silent under --quiet and --json.
func (a *app) say(format string, args ...any) {
	if !a.quiet && !a.json {
		fmt.Fprintf(a.Err, format+"\n", args...)
	}
}
