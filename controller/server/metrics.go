package server

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
)

// Measures are what can be counted of the installation. Nil maps and pointers are
// what this installation does not have, or what could not be measured yet.
type Measures struct {
	Rollouts  map[string]int // by state: running, waiting, and how finished ones ended
	Hosts     map[string]int // by health
	Agents    *int           // connected
	OldestAge *time.Duration // of the reports of hosts that have an agent
	Appended  *uint64        // events in the journal, ever
	Schedules []ScheduleTimes
}

// Measure measures a part of the installation, and returns what writes the result
// into Measures. The maps of it are new ones each time.
type Measure func(context.Context) (func(*Measures), error)

// ScheduleTimes is when a schedule ran last and will run next; zero is never.
type ScheduleTimes struct {
	Name       string
	Last, Next time.Time
}

// Metrics counts requests, and measures when it is asked itself. A part that cannot
// be measured then, because the bus is looking for a leader, say, is told as it was
// when it last could, and since when.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refusals prometheus.Counter
	failures *prometheus.CounterVec
	parts    map[string]Measure

	mu       sync.Mutex
	known    Measures
	measured map[string]time.Time // by part, when it was known
}

// NewMetrics returns metrics that measure parts, by their names.
func NewMetrics(parts map[string]Measure) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), parts: parts, measured: map[string]time.Time{},
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
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "aptfleet_measure_failures_total", Help: "Times that a part could not be measured in time, and is told as it was before.",
		}, []string{"part"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.refusals, m.failures, m,
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
	measuredDesc  = prometheus.NewDesc("aptfleet_measured_timestamp_seconds", "When the part was measured.", []string{"part"}, nil)
	measuredDescs = []*prometheus.Desc{rolloutsDesc, hostsDesc, agentsDesc, oldestDesc, appendedDesc, scheduleLast, scheduleNext, measuredDesc}
)

// Describe makes Metrics a prometheus.Collector of measures.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range measuredDescs {
		ch <- d
	}
}

// measureTime bounds how long measuring may take; a scraper waits 10 s.
const measureTime = 5 * time.Second

// measure measures all parts, and returns what is known then, and since when.
func (m *Metrics) measure() (Measures, map[string]time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), measureTime)
	defer cancel()
	var g errgroup.Group
	for name, measure := range m.parts {
		g.Go(func() error {
			fill, err := measure(ctx)
			m.mu.Lock()
			defer m.mu.Unlock()
			if err != nil {
				m.failures.WithLabelValues(name).Inc()
				return nil
			}
			fill(&m.known)
			m.measured[name] = time.Now()
			return nil
		})
	}
	_ = g.Wait() // always nil
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known, maps.Clone(m.measured)
}

// Collect measures.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	known, measured := m.measure()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for part, at := range measured {
		gauge(measuredDesc, float64(at.Unix()), part)
	}
	for state, n := range known.Rollouts {
		gauge(rolloutsDesc, float64(n), state)
	}
	for health, n := range known.Hosts {
		gauge(hostsDesc, float64(n), health)
	}
	if known.Agents != nil {
		gauge(agentsDesc, float64(*known.Agents))
	}
	if known.OldestAge != nil {
		gauge(oldestDesc, known.OldestAge.Seconds())
	}
	if known.Appended != nil {
		ch <- prometheus.MustNewConstMetric(appendedDesc, prometheus.CounterValue, float64(*known.Appended))
	}
	for _, s := range known.Schedules {
		if !s.Last.IsZero() {
			gauge(scheduleLast, float64(s.Last.Unix()), s.Name)
		}
		if !s.Next.IsZero() {
			gauge(scheduleNext, float64(s.Next.Unix()), s.Name)
		}
	}
}
