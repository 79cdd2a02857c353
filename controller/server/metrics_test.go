package server

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestMetricsOfSilentBus: while the bus does not answer, what it said last is told, and
// since when; what needs no bus is told as it is; and nobody waits for long.
func TestMetricsOfSilentBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent, appended, agents := true, uint64(0), 0
		m := NewMetrics(map[string]Measure{
			"journal": func(ctx context.Context) (func(*Measures), error) {
				if silent {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				appended++
				n := appended
				return func(m *Measures) { m.Appended = &n }, nil
			},
			"agents": func(context.Context) (func(*Measures), error) {
				agents++
				n := agents
				return func(m *Measures) { m.Agents = &n }, nil
			},
		})
		const failures, events, connected, at = "aptfleet_measure_failures_total", "aptfleet_journal_events_total ", "aptfleet_agents_connected ", `aptfleet_measured_timestamp_seconds{part="journal"}`
		scraped(t, m, []string{connected + "1"}, []string{events, at})
		silent = false
		scraped(t, m, []string{events + "1", connected + "2", at + " 9.46684805e+08", failures + `{part="journal"} 1`}, nil)
		silent = true
		time.Sleep(55 * time.Second)
		for range 2 {
			time.Sleep(10 * time.Second)
			scraped(t, m, []string{events + "1", at + " 9.46684805e+08"}, nil)
		}
		silent = false
		scraped(t, m, []string{events + "2", connected + "5", failures + `{part="journal"} 3`}, []string{at + " 9.46684805e+08\n"})
	})
}

// scraped wants an answer to a scraper, in the 10 s that it waits, with lines of the
// metrics and without others.
func scraped(t *testing.T, m *Metrics, with, without []string) {
	t.Helper()
	begun, answer := time.Now(), httptest.NewRecorder()
	m.handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if took := time.Since(begun); answer.Code != http.StatusOK || took > 9*time.Second {
		t.Errorf("after %v the answer is %d: %s", took, answer.Code, answer.Body)
	}
	for _, line := range with {
		if !strings.Contains(answer.Body.String(), line) {
			t.Errorf("%s is not among\n%s", line, answer.Body)
		}
	}
	for _, line := range without {
		if strings.Contains(answer.Body.String(), line) {
			t.Errorf("%s is among\n%s", line, answer.Body)
		}
	}
}

func TestMetrics(t *testing.T) {
	r := start(t)
	r.remote.do("GET", "/v1/rollouts/R8", r.tokens["viewer"], "", "")
	r.remote.do("GET", "/v1/rollouts", "wrong", "", "")
	_, body := r.remote.do("GET", "/metrics", r.tokens["viewer"], "", "")
	for _, want := range []string{
		`aptfleet_rollouts{state="running"} 2`, `aptfleet_hosts{health="healthy"} 5`, "aptfleet_agents_connected 4",
		"aptfleet_report_oldest_age_seconds 3", "aptfleet_journal_events_total 99", `aptfleet_schedule_next_run_timestamp_seconds{schedule="nightly"} 1.8e+09`,
		`aptfleet_api_requests_total{method="GET",route="/v1/rollouts/{id}",status="404"} 1`, "aptfleet_api_refused_total 1",
	} {
		if !bytes.Contains(body, []byte(want)) {
			t.Errorf("%s is not among\n%s", want, body)
		}
	}
	if bytes.Contains(body, []byte("last_run_timestamp_seconds{")) {
		t.Error("a schedule that never ran has a last time")
	}
}

// TestMetricsAreNamed by the conventions of Prometheus, as its own linter knows them.
func TestMetricsAreNamed(t *testing.T) {
	in := &installation{}
	m := NewMetrics(map[string]Measure{"journal": in.measure})
	m.request(routes()[0], http.StatusOK, time.Second)
	m.failures.WithLabelValues("journal").Inc()
	wrong, err := testutil.GatherAndLint(m.registry)
	if err != nil || len(wrong) > 0 {
		t.Errorf("the linter says %v, %v", wrong, err)
	}
}
