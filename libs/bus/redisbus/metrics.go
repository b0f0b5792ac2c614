package redisbus

import (
	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus/measure"
)

type metrics struct {
	measure.Bus
	bytes    prometheus.Gauge
	trimmed  prometheus.Counter
	kept     prometheus.Gauge
	restored prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	const subsystem = "bus_redis"
	return &metrics{
		Bus:     measure.New(reg, subsystem),
		bytes:   measure.Gauge(reg, subsystem, "log_bytes", "Size of the log when retention last looked, by its own count."),
		trimmed: measure.Counter(reg, subsystem, "trimmed_entries_total", "Entries that this process has taken from the beginning of the log."),
		kept:    measure.Gauge(reg, subsystem, "kept_bytes", "Memory of entries that were acknowledged lately, to be appended again if the log loses them."),
		restored: measure.Counter(reg, subsystem, "restored_entries_total",
			"Entries that were appended again since the log had lost them after it had acknowledged them."),
	}
}
