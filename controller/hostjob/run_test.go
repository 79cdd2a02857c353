package hostjob_test

import (
	"bytes"
	"testing"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

func TestRun(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.publish(pkg{name: "app", version: "1.0", postinst: "echo configuring"})
	var log bytes.Buffer
	var last hostjob.Progress
	o, err := hostjob.Run(t.Context(), h, h.spec(hostjob.Spec{Packages: targets("app")}),
		hostjob.Watch{Log: &log, Progress: func(p hostjob.Progress) { last = p }})
	if err != nil {
		t.Fatalf("Run: %v\n%s", err, log.String())
	}
	if o.Verdict != hostjob.Done || o.After["app"] != "1.0" || len(o.Before) != 0 || len(o.Notes) != 0 {
		t.Errorf("Run returned %+v\n%s", o, log.String())
	}
	if log.String() != h.log("job") || !bytes.Contains(log.Bytes(), []byte("configuring")) {
		t.Errorf("the log came over as %q, on the host it is %q", log.String(), h.log("job"))
	}
	if last.Percent != 100 || last.Phase != "verify" {
		t.Errorf("the last progress is %+v", last)
	}
}
