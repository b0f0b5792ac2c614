package follow

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	rooms                                                                 prometheus.Gauge
	gaps, repeats, overflows, filled, rewinds, compared, behind, failures prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "hubbub", Subsystem: "bus_follow", Name: name, Help: help,
		}))
	}
	return &metrics{
		rooms: register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "hubbub", Subsystem: "bus_follow", Name: "rooms", Help: "Rooms that this process follows.",
		})),
		gaps:      counter("gaps_total", "Live entries that did not follow on the one before."),
		repeats:   counter("repeats_total", "Live entries that had been delivered already, and were dropped."),
		overflows: counter("overflows_total", "Times that more live entries came during a fill than are held back."),
		filled:    counter("filled_entries_total", "Entries that were missed live and read from the log."),
		rewinds:   counter("rewinds_total", "Times that a room's log had lost entries that were delivered, or had been trimmed before they were."),
		compared:  counter("compared_rooms_total", "Rooms whose last entry was compared with the log."),
		behind:    counter("behind_rooms_total", "Rooms that a comparison found behind the log."),
		failures:  counter("failures_total", "Reads of the log that failed and are tried again."),
	}
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
