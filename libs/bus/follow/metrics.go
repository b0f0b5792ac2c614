package follow

import (
	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus/measure"
)

type metrics struct {
	rooms                                                                                  prometheus.Gauge
	gaps, repeats, overflows, filled, rewinds, missed, compared, behind, renewed, failures prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	const subsystem = "bus_follow"
	counter := func(name, help string) prometheus.Counter { return measure.Counter(reg, subsystem, name, help) }
	return &metrics{
		rooms:     measure.Gauge(reg, subsystem, "rooms", "Rooms that this process follows."),
		gaps:      counter("gaps_total", "Live entries that did not follow on the one before."),
		repeats:   counter("repeats_total", "Live entries that had been delivered already, and were dropped."),
		overflows: counter("overflows_total", "Times that more live entries came during a fill than are held back."),
		filled:    counter("filled_entries_total", "Entries that were missed live and read from the log."),
		rewinds:   counter("rewinds_total", "Times that a room's log had lost entries that were delivered."),
		missed:    counter("missed_total", "Times that retention took entries of a room, or may have, before they were delivered."),
		compared:  counter("compared_rooms_total", "Rooms whose last entry was compared with the log."),
		behind:    counter("behind_rooms_total", "Rooms that a comparison found behind the log."),
		renewed:   counter("renewed_rooms_total", "Rooms that were subscribed to again, since nothing came of them live although their log grew."),
		failures:  counter("failures_total", "Reads of the log that failed and are tried again."),
	}
}
