package hostjob_test

import (
	"errors"
	"testing"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

func TestAttachOnly(t *testing.T) {
	h := newHost(t)
	h.publish(pkg{name: "app", version: "1.0"})
	spec := h.spec(hostjob.Spec{Packages: targets("app")})
	if o, err := hostjob.Attach(t.Context(), h, spec, hostjob.Watch{}); o.Verdict != hostjob.NotStarted || !errors.Is(err, hostjob.ErrNoJob) {
		t.Fatalf("with no job Attach returned %+v, %v", o, err)
	}
	if _, err := hostjob.Run(t.Context(), h, spec, hostjob.Watch{}); err != nil {
		t.Fatal(err)
	}
	if o, err := hostjob.Attach(t.Context(), h, spec, hostjob.Watch{}); err != nil || o.Verdict != hostjob.Done || o.After["app"] != "1.0" {
		t.Errorf("Attach returned %+v, %v", o, err)
	}
}

func TestAbsent(t *testing.T) {
	h := newHost(t)
	h.publish(pkg{name: "app", version: "1.0"}, pkg{name: "tool", version: "1.0"})
	install := h.spec(hostjob.Spec{ID: "first", Packages: targets("app")})
	if o, err := hostjob.Run(t.Context(), h, install, hostjob.Watch{}); err != nil || o.Verdict != hostjob.Done {
		t.Fatalf("%+v, %v", o, err)
	}
	swap := h.spec(hostjob.Spec{ID: "second", Packages: []hostjob.Target{{Name: "app", Absent: true}, {Name: "tool"}}})
	o, err := hostjob.Run(t.Context(), h, swap, hostjob.Watch{})
	if err != nil || o.Verdict != hostjob.Done || o.After.Of("app") != "" || o.After.Of("tool") != "1.0" || o.Before.Of("app") != "1.0" {
		t.Errorf("%+v, %v", o, err)
	}
	upgrade := hostjob.Spec{ID: "x", Owner: "o", Mode: hostjob.OnlyUpgrade, Packages: []hostjob.Target{{Name: "app", Absent: true}}}
	if err := upgrade.Validate(); err == nil {
		t.Error("only-upgrade was allowed to remove")
	}
}
