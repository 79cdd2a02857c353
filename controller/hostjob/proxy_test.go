package hostjob_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// TestProxy installs on a host that has no way to the repository but a proxy.
func TestProxy(t *testing.T) {
	h := newHost(t)
	h.publish(pkg{name: "app", version: "1.0"})
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host != "repository.invalid" {
			http.Error(w, "not by this proxy", http.StatusForbidden)
			return
		}
		h.serve(w, r)
	}))
	t.Cleanup(proxy.Close)
	h.write("etc/apt/sources.list.d/aptfleet.sources", "Types: deb\nURIs: http://repository.invalid/\nSuites: ./\nTrusted: yes\n")

	without := h.spec(hostjob.Spec{ID: "without", Packages: targets("app")})
	if o, err := hostjob.Run(t.Context(), h, without, hostjob.Watch{}); err != nil || o.Verdict != hostjob.Broken ||
		!strings.Contains(o.Cause.Text, "repository.invalid") {
		t.Errorf("without the proxy Run returned %+v, %v", o, err)
	}
	with := h.spec(hostjob.Spec{ID: "with", Packages: targets("app"), Proxy: hostjob.Proxy{For: "repository.invalid", URL: proxy.URL}})
	if o, err := hostjob.Run(t.Context(), h, with, hostjob.Watch{}); err != nil || o.Verdict != hostjob.Done {
		t.Errorf("with the proxy Run returned %+v, %v", o, err)
	}
}
