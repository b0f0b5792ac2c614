package redisbus

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus"
)

type metrics struct {
	appends  *prometheus.CounterVec
	inFlight prometheus.Gauge
	bytes    prometheus.Gauge

	live, dropped, disconnects, consumed, parked, trimmed prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "hubbub", Subsystem: "bus_redis", Name: name, Help: help,
		}))
	}
	gauge := func(name, help string) prometheus.Gauge {
		return register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "hubbub", Subsystem: "bus_redis", Name: name, Help: help,
		}))
	}
	return &metrics{
		appends: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "hubbub", Subsystem: "bus_redis", Name: "appends_total",
			Help: "Appends that ended, by outcome: ok, duplicate, full, unavailable.",
		}, []string{"outcome"})),
		inFlight:    gauge("appends_in_flight", "Appends that have not ended."),
		bytes:       gauge("log_bytes", "Size of the log when retention last looked, by its own count."),
		live:        counter("live_entries_total", "Live entries received for followed rooms."),
		dropped:     counter("dropped_messages_total", "Ephemeral messages and replies dropped because the server was away or slow."),
		disconnects: counter("disconnects_total", "Times that a subscribed connection to the server was lost."),
		consumed:    counter("consumed_entries_total", "Entries that consumers of this process have acknowledged."),
		parked:      counter("parked_entries_total", "Entries that went to the dead letters."),
		trimmed:     counter("trimmed_entries_total", "Entries that this process has taken from the beginning of the log."),
	}
}

func (m *metrics) appended(err error, duplicate bool) {
	outcome := "ok"
	switch {
	case errors.Is(err, bus.ErrFull):
		outcome = "full"
	case err != nil:
		outcome = "unavailable"
	case duplicate:
		outcome = "duplicate"
	}
	m.appends.WithLabelValues(outcome).Inc()
}

// register returns the collector that is registered: c, or that of an earlier bus of this process.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	if reg == nil {
		return c
	}
	err := reg.Register(c)
	if have, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if old, ok := have.ExistingCollector.(C); ok {
			return old
		}
	}
	if err != nil {
		panic(err) // two different metrics of one name: a mistake in the program
	}
	return c
}
