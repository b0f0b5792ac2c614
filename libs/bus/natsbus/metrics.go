package natsbus

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus"
)

type metrics struct {
	appends  *prometheus.CounterVec
	inFlight prometheus.Gauge

	live, dropped, disconnects, slow, consumed, parked, trims prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "hubbub", Subsystem: "bus_nats", Name: name, Help: help,
		}))
	}
	return &metrics{
		appends: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "hubbub", Subsystem: "bus_nats", Name: "appends_total",
			Help: "Appends that ended, by outcome: ok, duplicate, full, unavailable.",
		}, []string{"outcome"})),
		inFlight: register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "hubbub", Subsystem: "bus_nats", Name: "appends_in_flight", Help: "Appends that have not ended.",
		})),
		live:        counter("live_entries_total", "Live entries received for followed rooms."),
		dropped:     counter("dropped_messages_total", "Ephemeral messages dropped because the server was away."),
		disconnects: counter("disconnects_total", "Times that a connection to the server was lost."),
		slow:        counter("slow_consumer_total", "Times that messages were dropped because this process read too slowly."),
		consumed:    counter("consumed_entries_total", "Entries that consumers of this process have acknowledged."),
		parked:      counter("parked_entries_total", "Entries that went to the dead letters."),
		trims:       counter("trims_total", "Times that entries were taken from the beginning of the log."),
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
