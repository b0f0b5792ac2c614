package hub

import (
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// metrics are the edge's. Those that every frame would touch are counted by the shards and added
// once per tick.
type metrics struct {
	accepted   prometheus.Counter
	refused    *prometheus.CounterVec // by reason
	limited    *prometheus.CounterVec // by limit
	closed     *prometheus.CounterVec // by close code
	commands   *prometheus.CounterVec // by type
	failures   *prometheus.CounterVec // by error code
	entries    prometheus.Counter
	packed     prometheus.Counter
	deliveries prometheus.Counter
	writes     prometheus.Counter
	sent       prometheus.Counter
	received   prometheus.Counter
	liveLost   prometheus.Counter
	readsLost  prometheus.Counter
	appends    prometheus.Histogram
	retries    *prometheus.CounterVec // by outcome
	replays    *prometheus.CounterVec // by source
	byKind     [wire.NumKinds]prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "hubbub_edge_" + name, Help: help})
		register(reg, c)
		return c
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hubbub_edge_" + name, Help: help}, []string{label})
		register(reg, c)
		return c
	}
	m := &metrics{
		accepted:   counter("handshakes_total", "WebSocket handshakes that were accepted."),
		refused:    vec("refused_total", "Connections that were turned away, by reason.", "reason"),
		limited:    vec("limited_total", "Commands that were refused, by the limit that they would have passed.", "limit"),
		closed:     vec("closed_total", "WebSockets that ended, by close code; 1006 is without one, other is a client's own.", "code"),
		commands:   vec("commands_total", "Commands of clients, by type.", "type"),
		failures:   vec("errors_total", "Error events told to clients, by code.", "code"),
		entries:    counter("entries_total", "Log entries that came in for rooms on this edge."),
		packed:     counter("compressed_total", "Log entries that were compressed, each once for all sockets of its room."),
		deliveries: counter("deliveries_total", "Frames of rooms that were written to sockets."),
		writes:     counter("writes_total", "System calls that wrote to sockets; deliveries per write is the coalescing factor."),
		sent:       counter("sent_bytes_total", "Bytes written to sockets."),
		received:   counter("received_bytes_total", "Bytes read from sockets."),
		liveLost:   counter("live_lost_total", "Typing and read events that the bus did not take."),
		readsLost:  counter("reads_lost_total", "Read positions that history did not take; the next one makes up for it."),
		replays:    vec("replays_total", "Joins with a position, by where the missed entries came from.", "source"),
		retries:    vec("retries_total", "Sends that are or may be repeats, by whether the message was found.", "outcome"),
		appends: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hubbub_edge_append_seconds", Help: "From a send to its place in the log.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	register(reg, m.appends)
	for _, k := range append(wire.Kinds(), wire.KindUnknown) {
		m.byKind[k] = m.commands.WithLabelValues(k.String())
	}
	return m
}

// watch adds what is looked up when it is asked for.
func (m *metrics) watch(reg prometheus.Registerer, h *Hub) {
	register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hubbub_edge_sockets", Help: "WebSockets that are open.",
	}, func() float64 { return float64(h.sockets.Load()) }))
	register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hubbub_edge_max_sockets", Help: "WebSockets that may be open: --max-sockets, or what the limit of open files allows.",
	}, func() float64 { return float64(h.opts.Sockets) }))
	register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hubbub_edge_buffer_bytes", Help: "Memory of incomplete input and unsent output.",
	}, func() (sum float64) {
		for _, s := range h.shards {
			sum += float64(s.held.Load())
		}
		return sum
	}))
	register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hubbub_edge_feeds", Help: "Rooms that this edge follows on the bus.",
	}, func() float64 {
		h.mu.Lock()
		defer h.mu.Unlock()
		return float64(len(h.feeds))
	}))
}

func register(reg prometheus.Registerer, c prometheus.Collector) {
	if reg != nil {
		reg.MustRegister(c)
	}
}

// failed counts an error that a client is told of.
func (m *metrics) failed(e *chat.Error) {
	m.failures.WithLabelValues(e.Code).Inc()
	switch e {
	case errRooms:
		m.limited.WithLabelValues("rooms").Inc()
	case errPending:
		m.limited.WithLabelValues("pending").Inc()
	}
}

// closedWith counts a close. A client may name any of some two thousand codes, which are not told
// apart.
func (m *metrics) closedWith(code wire.CloseCode) {
	label := "other"
	if code < 3000 || slices.Contains(wire.CloseCodes(), code) {
		label = strconv.Itoa(int(code))
	}
	m.closed.WithLabelValues(label).Inc()
}
