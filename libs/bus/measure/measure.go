// Package measure owns the metrics of the bus: those that every driver has, under the same names,
// and Counter and Gauge for a driver's own.
package measure

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus/driver"
)

// Bus are the metrics of a driver, named hubbub_<subsystem>_….
type Bus struct {
	InFlight prometheus.Gauge // appends that have not ended
	// Live entries received, ephemeral messages dropped, connections lost, entries acknowledged and
	// parked by consumers.
	Live, Dropped, Disconnects, Consumed, Parked prometheus.Counter

	appends *prometheus.CounterVec
}

// New registers the metrics of a driver. Buses of one process that share a registerer share the
// metrics.
func New(reg prometheus.Registerer, subsystem string) Bus {
	counter := func(name, help string) prometheus.Counter { return Counter(reg, subsystem, name, help) }
	return Bus{
		appends: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "appends_total",
			Help: "Appends that ended, by outcome: ok, duplicate, full, unavailable.",
		}, []string{"outcome"})),
		InFlight:    Gauge(reg, subsystem, "appends_in_flight", "Appends that have not ended."),
		Live:        counter("live_entries_total", "Live entries received."),
		Dropped:     counter("dropped_messages_total", "Ephemeral messages and replies dropped because the server was away or slow."),
		Disconnects: counter("disconnects_total", "Times that a connection to the server was lost."),
		Consumed:    counter("consumed_entries_total", "Entries that consumers of this process have acknowledged."),
		Parked:      counter("parked_entries_total", "Entries that went to the dead letters."),
	}
}

// Appended counts an append that has ended.
func (b *Bus) Appended(err error, duplicate bool) {
	outcome := "ok"
	switch {
	case errors.Is(err, driver.ErrFull):
		outcome = "full"
	case err != nil:
		outcome = "unavailable"
	case duplicate:
		outcome = "duplicate"
	}
	b.appends.WithLabelValues(outcome).Inc()
}

const namespace = "hubbub"

// Counter returns a counter that is registered, or with a nil registerer one that is not.
func Counter(reg prometheus.Registerer, subsystem, name, help string) prometheus.Counter {
	return register(reg, prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}))
}

// Gauge is Counter for a gauge.
func Gauge(reg prometheus.Registerer, subsystem, name, help string) prometheus.Gauge {
	return register(reg, prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}))
}

// register returns the registered collector: c, or that of an earlier bus of this process.
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
		panic(err) // two different metrics with one name: a fault in the program
	}
	return c
}
