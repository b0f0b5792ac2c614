package history

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	stored      prometheus.Counter
	conflicts   prometheus.Counter
	repeats     prometheus.Counter
	unavailable prometheus.Counter
	purged      prometheus.Counter
	jobs        prometheus.Gauge
	expired     prometheus.Counter
	swept       prometheus.Gauge
	searches    prometheus.Histogram
	found       prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "hubbub_history_" + name + "_total", Help: help})
	}
	m := &metrics{
		stored:      counter("entries", "Log entries given to the store, repeats included."),
		conflicts:   counter("conflicts", "Entries with the seq of another one: the log was rewound. Both are kept. Look into it."),
		repeats:     counter("repeats", "Entries that were appended again after the log had lost the first, or forgotten its id; the first is kept."),
		unavailable: counter("unavailable", "Requests that failed because the store or the bus did."),
		purged:      counter("purged", "Messages that were deleted because all of a person's were to be."),
		jobs:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "hubbub_history_jobs", Help: "Persons and rooms whose messages are being removed, at most 20."}),
	}
	m.expired = counter("expired", "Entries that were removed because their room does not keep them any longer.")
	m.swept = prometheus.NewGauge(prometheus.GaugeOpts{Name: "hubbub_history_retention_seconds", Help: "When this process last ended a round of retention through all rooms, in UTC seconds; 0: it has not."})
	m.searches = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "hubbub_history_search_seconds", Help: "How long searches took, from the user's turn to the answer.", Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 9),
	})
	m.found = counter("found", "Messages that searches have found and returned.")
	if reg != nil {
		reg.MustRegister(m.searches, m.found, m.stored, m.conflicts, m.repeats, m.unavailable, m.purged, m.jobs, m.expired, m.swept)
	}
	return m
}
