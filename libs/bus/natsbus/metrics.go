package natsbus

import (
	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus/measure"
)

type metrics struct {
	measure.Bus
	slow, trims prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	const subsystem = "bus_nats"
	return &metrics{
		Bus:   measure.New(reg, subsystem),
		slow:  measure.Counter(reg, subsystem, "slow_consumer_total", "Times that messages were dropped because this process read too slowly."),
		trims: measure.Counter(reg, subsystem, "trims_total", "Times that entries were taken from the beginning of the log."),
	}
}
