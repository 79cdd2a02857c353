package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Measures are what can be counted of the installation at one moment. Nil maps
// and pointers are what this installation does not have.
type Measures struct {
	Rollouts  map[string]int // by state: running, waiting, and how finished ones ended
	Hosts     map[string]int // by health
	Agents    int            // connected
	OldestAge *time.Duration // of the reports of hosts that have an agent
	Appended  uint64         // events in the journal, ever
	Schedules []ScheduleTimes
}

// ScheduleTimes is when a schedule ran last and will run next; zero is never.
type ScheduleTimes struct {
	Name       string
	Last, Next time.Time
}

// Metrics counts requests, and asks for measures when it is asked itself.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refusals prometheus.Counter
	measure  func(context.Context) (Measures, error)
}

// NewMetrics returns metrics that ask measure.
func NewMetrics(measure func(context.Context) (Measures, error)) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), measure: measure,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "aptfleet_api_requests_total", Help: "Requests to the API.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "aptfleet_api_request_seconds", Help: "Time to answer a request; of streams, all of it.",
			Buckets: []float64{.005, .025, .1, .5, 2, 10, 60},
		}, []string{"method", "route"}),
		refusals: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "aptfleet_api_refused_total", Help: "Requests without a good token, or with one of too weak a role.",
		}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.refusals, m,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *Metrics) request(r route, status int, took time.Duration) {
	m.requests.WithLabelValues(r.method, r.path, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(r.method, r.path).Observe(took.Seconds())
}

func (m *Metrics) refused() { m.refusals.Inc() }

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// What Measures are called.
var (
	rolloutsDesc  = prometheus.NewDesc("aptfleet_rollouts", "Rollouts in the journal.", []string{"state"}, nil)
	hostsDesc     = prometheus.NewDesc("aptfleet_hosts", "Hosts of the inventory.", []string{"health"}, nil)
	agentsDesc    = prometheus.NewDesc("aptfleet_agents_connected", "Agents that are connected.", nil, nil)
	oldestDesc    = prometheus.NewDesc("aptfleet_report_oldest_age_seconds", "Age of the oldest of the hosts' last reports.", nil, nil)
	appendedDesc  = prometheus.NewDesc("aptfleet_journal_events_total", "Events appended to the journal.", nil, nil)
	scheduleLast  = prometheus.NewDesc("aptfleet_schedule_last_run_timestamp_seconds", "When the schedule ran last.", []string{"schedule"}, nil)
	scheduleNext  = prometheus.NewDesc("aptfleet_schedule_next_run_timestamp_seconds", "When the schedule runs next.", []string{"schedule"}, nil)
	measuredDescs = []*prometheus.Desc{rolloutsDesc, hostsDesc, agentsDesc, oldestDesc, appendedDesc, scheduleLast, scheduleNext}
)

// Describe makes Metrics a prometheus.Collector of measures.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range measuredDescs {
		ch <- d
	}
}

// measureTime bounds how long measuring may take; a scraper waits 10 s.
const measureTime = 8 * time.Second

// Collect measures.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), measureTime)
	defer cancel()
	now, err := m.measure(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(appendedDesc, err)
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for state, n := range now.Rollouts {
		gauge(rolloutsDesc, float64(n), state)
	}
	for health, n := range now.Hosts {
		gauge(hostsDesc, float64(n), health)
	}
	gauge(agentsDesc, float64(now.Agents))
	if now.OldestAge != nil {
		gauge(oldestDesc, now.OldestAge.Seconds())
	}
	ch <- prometheus.MustNewConstMetric(appendedDesc, prometheus.CounterValue, float64(now.Appended))
	for _, s := range now.Schedules {
		if !s.Last.IsZero() {
			gauge(scheduleLast, float64(s.Last.Unix()), s.Name)
		}
		if !s.Next.IsZero() {
			gauge(scheduleNext, float64(s.Next.Unix()), s.Name)
		}
	}
}
