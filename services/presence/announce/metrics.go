package announce

import "github.com/prometheus/client_golang/prometheus"

type metrics struct{ told, lost prometheus.Counter }

func newMetrics(reg prometheus.Registerer) metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hubbub", Subsystem: "presence", Name: name, Help: help})
	}
	m := metrics{
		told: counter("changes_told_total", "Messages to the watchers of rooms."),
		lost: counter("changes_lost_total", "Messages to the watchers of rooms that the bus did not take."),
	}
	if reg != nil {
		reg.MustRegister(m.told, m.lost)
	}
	return m
}
