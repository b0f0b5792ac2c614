package natsbus

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus"
)

type metrics struct {
	reg                                                       prometheus.Registerer
	all                                                       []prometheus.Collector
	appends                                                   *prometheus.CounterVec
	inFlight                                                  prometheus.Gauge
	live, dropped, disconnects, slow, consumed, parked, trims prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{reg: reg}
	add := func(c prometheus.Collector) {
		m.all = append(m.all, c)
		if reg != nil {
			reg.MustRegister(c)
		}
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hubbub", Subsystem: "bus_nats", Name: name, Help: help})
		add(c)
		return c
	}
	m.appends = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "hubbub", Subsystem: "bus_nats", Name: "appends_total",
		Help: "Appends that ended, by outcome: ok, duplicate, full, unavailable.",
	}, []string{"outcome"})
	add(m.appends)
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "hubbub", Subsystem: "bus_nats", Name: "appends_in_flight", Help: "Appends that have not ended.",
	})
	add(m.inFlight)
	m.live = counter("live_entries_total", "Live entries received for followed rooms.")
	m.dropped = counter("dropped_messages_total", "Ephemeral messages dropped because the server was away.")
	m.disconnects = counter("disconnects_total", "Times that a connection to the server was lost.")
	m.slow = counter("slow_consumer_total", "Times that messages were dropped because this process read too slowly.")
	m.consumed = counter("consumed_entries_total", "Entries that consumers of this process have acknowledged.")
	m.parked = counter("parked_entries_total", "Entries that went to the dead letters.")
	m.trims = counter("trims_total", "Times that entries were taken from the beginning of the log.")
	return m
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

func (m *metrics) unregister() {
	if m.reg == nil {
		return
	}
	for _, c := range m.all {
		m.reg.Unregister(c)
	}
}
