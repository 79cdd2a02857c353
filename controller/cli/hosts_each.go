package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/inventory"
)

// hostReport is what became of one host: the line to print, and why the host is
// not well.
type hostReport struct {
	line line
	err  error
}

// eachHost calls fn for all hosts, limit at a time, prints what becomes of each
// as it ends, and returns the command's error: some hosts failed, or none did.
func (a *app) eachHost(ctx context.Context, hosts []inventory.Host, limit int, fn func(context.Context, inventory.Host) hostReport) error {
	bar := a.newProgress(len(hosts))
	defer bar.end()
	results := engine.EachHost(ctx, hosts, limit, func(h inventory.Host) engine.Result {
		bar.begin(h.Name)
		report := fn(ctx, h)
		bar.finish(h.Name, report.err == nil)
		err := bar.above(func() error { return a.print(report.line) })
		if report.err != nil {
			err = report.err
		}
		return engine.Result{Host: h.Name, Err: err}
	})
	return failures(results)
}

// yieldEach calls fn for all hosts, limit at a time, and yields the encoded line of
// each as it ends.
func yieldEach(ctx context.Context, hosts []inventory.Host, limit int, fn func(context.Context, inventory.Host) hostReport, yield func(json.RawMessage, error) bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := make(chan line)
	go func() {
		defer close(lines)
		engine.EachHost(ctx, hosts, limit, func(h inventory.Host) engine.Result {
			report := fn(ctx, h)
			lines <- report.line
			return engine.Result{Host: h.Name, Err: report.err}
		})
	}()
	more := true
	for l := range lines { // to the end, so that none of them waits for ever
		if !more {
			continue
		}
		if more = yield(encode(l)); !more {
			cancel()
		}
	}
}

// failures joins the errors of hosts for a person, to whom the lines of those
// that failed have scrolled away between the others.
func failures(results []engine.Result) error {
	var all *multierror.Error
	for _, r := range results {
		if r.Err != nil {
			all = multierror.Append(all, r.Err)
		}
	}
	if all == nil {
		return nil
	}
	all.ErrorFormat = func(errs []error) string {
		lines := []string{fmt.Sprintf("%d of %s failed:", len(errs), inventory.Count(len(results)))}
		for _, err := range errs {
			lines = append(lines, printable(err.Error()))
		}
		return strings.Join(lines, "\n  ")
	}
	return &exitError{exitFailed, all}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
