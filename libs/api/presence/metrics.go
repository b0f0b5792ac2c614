package presence

import "github.com/prometheus/client_golang/prometheus"

// reporterMetrics are an edge's.
type reporterMetrics struct {
	bytes, failures, overflows, snapshots prometheus.Counter
}

func newReporterMetrics(reg prometheus.Registerer) reporterMetrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hubbub", Subsystem: "edge_presence", Name: name, Help: help})
	}
	m := reporterMetrics{
		bytes:     counter("report_bytes_total", "Bytes of presence reports published."),
		failures:  counter("report_failures_total", "Presence reports that the bus did not take; replicas ask for a snapshot instead."),
		overflows: counter("overflows_total", "Times that presence changes were dropped because they could not be sent for too long."),
		snapshots: counter("snapshots_total", "Snapshots of all sessions taken for presence replicas."),
	}
	if reg != nil {
		reg.MustRegister(m.bytes, m.failures, m.overflows, m.snapshots)
	}
	return m
}
