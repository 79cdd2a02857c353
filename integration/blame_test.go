package integration

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestDaemonBlames: a daemon says of a request that cannot be meant that it is the
// client's fault, and of nothing that is it its own.
func TestDaemonBlames(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Kind: lab.Light, Count: 1})
	f.rollOut("shop")
	f.daemon()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", f.path("state/api.sock"))
	}}}
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/v1/hosts?selector=nobody", "", 400},
		{"GET", "/v1/hosts?selector=web[3:1]", "", 400},
		{"GET", "/v1/hosts?selector=failed:R9", "", 400},
		{"GET", "/v1/hosts?selector=failed:R1", "", 400}, // in which none did
		{"GET", "/v1/hosts?selector=web,!failed:R1", "", 200},
		{"GET", "/v1/health?selector=nobody", "", 400},
		{"GET", "/v1/health?selector=failed:R9", "", 400},
		{"POST", "/v1/hosts/ping", `{"selector":"failed:R9"}`, 400},
		{"POST", "/v1/rollouts", `{"packages":["shop"],"to":"failed:R9"}`, 400},
		{"POST", "/v1/hosts/ping", `{"selector":"nobody"}`, 400},
		{"POST", "/v1/hosts/enroll", `{"selector":"nobody"}`, 400},
		{"POST", "/v1/hosts/enroll", `{"selector":"all","suites":["none"]}`, 404},
		{"DELETE", "/v1/hosts/nobody/agent", "", 404},
		{"DELETE", "/v1/hosts/web1/agent", "", 404}, // which has none
		{"POST", "/v1/plans", `{"packages":["shop"],"to":"nobody"}`, 400},
		{"POST", "/v1/plans", `{"packages":["Shop!"],"to":"all"}`, 400},
		{"POST", "/v1/plans", `{"packages":["shop","shop"],"to":"all"}`, 400},
		{"POST", "/v1/plans", `{"packages":["shop"],"to":"all","suite":"none"}`, 404},
		{"POST", "/v1/rollouts", `{"packages":["shop"],"to":"nobody"}`, 400},
		{"POST", "/v1/rollouts", `{"packages":["shop"],"to":"all","batches":["0"]}`, 400},
		{"POST", "/v1/rollouts", `{"packages":["shop"],"to":"all","max_failures":"101%"}`, 400},
		{"POST", "/v1/rollouts", `{"packages":["shop"],"to":"all","settle":1e300}`, 400},
		{"POST", "/v1/rollouts", `{"packages":["shop"],"to":"all","pause":1e300}`, 400},
		{"POST", "/v1/rollouts", `{"plan":"00"}`, 409},
		{"POST", "/v1/rollouts/R1/retry", `{"hosts":["nobody"]}`, 400},
		{"POST", "/v1/rollouts/R1/rollback", `{"to":"nobody"}`, 400},
		{"POST", "/v1/rollouts/R1/continue", "", 409},
		{"POST", "/v1/rollouts/R1/abort", "", 202}, // it begins no further host
		{"POST", "/v1/rollouts/R9/resume", "", 404},
		{"GET", "/v1/rollouts/R9/logs/web1", "", 404},
		{"GET", "/v1/rollouts/R1/logs/nobody", "", 400},
		{"GET", "/v1/packages?suite=none", "", 404},
		{"DELETE", "/v1/suites/none/packages/shop/1.0", "", 404},
		{"DELETE", "/v1/suites/stable/packages/shop/9.9", "", 404},
		{"POST", "/v1/repository/promote", `{"package":"shop","version":"9.9","from":"stable","to":"nightly"}`, 404},
		{"POST", "/v1/repository/promote", `{"package":"shop","version":"1.0","from":"none","to":"stable"}`, 404},
		{"POST", "/v1/schedules/none/run", "", 404},
		{"POST", "/v1/schedules/none/pause", "", 404},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, "http://aptfleet"+tt.path, strings.NewReader(tt.body))
		f.must(err)
		if tt.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		answer, err := client.Do(r)
		f.must(err)
		said, err := io.ReadAll(answer.Body)
		f.must(err)
		f.must(answer.Body.Close())
		if answer.StatusCode != tt.status {
			t.Errorf("%s %s %s is answered with %s, want %d: %s", tt.method, tt.path, tt.body, answer.Status, tt.status, said)
		}
	}
}
