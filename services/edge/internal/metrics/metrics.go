// Package metrics has the counters of the edge, which all of its layers share.
package metrics

import (
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// Edge are the edge's metrics. Those that every frame would touch are counted by the shards and
// added once per tick.
type Edge struct {
	Accepted   prometheus.Counter
	Refused    *prometheus.CounterVec // by reason
	Limited    *prometheus.CounterVec // by limit
	Closed     *prometheus.CounterVec // by close code
	Commands   *prometheus.CounterVec // by type
	Failures   *prometheus.CounterVec // by error code
	Entries    prometheus.Counter
	Packed     prometheus.Counter
	Deliveries prometheus.Counter
	Writes     prometheus.Counter
	Sent       prometheus.Counter
	Received   prometheus.Counter
	LiveLost   prometheus.Counter
	ReadsLost  prometheus.Counter
	Appends    prometheus.Histogram
	Retries    *prometheus.CounterVec // by outcome
	Replays    *prometheus.CounterVec // by source
	ByKind     [wire.NumKinds]prometheus.Counter
}

// New returns the metrics, registered with reg unless that is nil.
func New(reg prometheus.Registerer) *Edge {
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
	m := &Edge{
		Accepted:   counter("handshakes_total", "WebSocket handshakes that were accepted."),
		Refused:    vec("refused_total", "Connections that were turned away, by reason.", "reason"),
		Limited:    vec("limited_total", "Commands that were refused, by the limit that they would have passed.", "limit"),
		Closed:     vec("closed_total", "WebSockets that ended, by close code; 1006 is without one, other is a client's own.", "code"),
		Commands:   vec("commands_total", "Commands of clients, by type.", "type"),
		Failures:   vec("errors_total", "Error events told to clients, by code.", "code"),
		Entries:    counter("entries_total", "Log entries that came in for rooms on this edge."),
		Packed:     counter("compressed_total", "Log entries that were compressed, each once for all sockets of its room."),
		Deliveries: counter("deliveries_total", "Frames of rooms that were written to sockets."),
		Writes:     counter("writes_total", "System calls that wrote to sockets; deliveries per write is the coalescing factor."),
		Sent:       counter("sent_bytes_total", "Bytes written to sockets."),
		Received:   counter("received_bytes_total", "Bytes read from sockets."),
		LiveLost:   counter("live_lost_total", "Typing and read events that the bus did not take."),
		ReadsLost:  counter("reads_lost_total", "Read positions that history did not take; the next one makes up for it."),
		Replays:    vec("replays_total", "Joins with a position, by where the missed entries came from.", "source"),
		Retries:    vec("retries_total", "Sends that are or may be repeats, by whether the message was found.", "outcome"),
		Appends: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hubbub_edge_append_seconds", Help: "From a send to its place in the log.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	register(reg, m.Appends)
	for _, k := range append(wire.Kinds(), wire.KindUnknown) {
		m.ByKind[k] = m.Commands.WithLabelValues(k.String())
	}
	return m
}

// Gauges are what is looked up when somebody asks for the metrics.
type Gauges struct {
	Sockets, MaxSockets, BufferBytes, Rooms, Requests func() float64
}

// Watch registers the gauges with reg, unless that is nil.
func Watch(reg prometheus.Registerer, g Gauges) {
	gauge := func(name, help string, value func() float64) {
		register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hubbub_edge_" + name, Help: help}, value))
	}
	gauge("sockets", "WebSockets that are open.", g.Sockets)
	gauge("max_sockets", "WebSockets that may be open: --max-sockets, or what the limit of open files allows.", g.MaxSockets)
	gauge("buffer_bytes", "Memory of incomplete input and unsent output.", g.BufferBytes)
	gauge("requests", "HTTP requests that are being carried out, those whose bodies are still coming among them.", g.Requests)
	gauge("feeds", "Rooms that this edge follows on the bus.", g.Rooms)
}

func register(reg prometheus.Registerer, c prometheus.Collector) {
	if reg != nil {
		reg.MustRegister(c)
	}
}

// Failed counts an error that a client is told of.
func (m *Edge) Failed(e *chat.Error) {
	m.Failures.WithLabelValues(e.Code).Inc()
}

// ClosedWith counts a close. A client may name any of some two thousand codes, which are not told
// apart.
func (m *Edge) ClosedWith(code wire.CloseCode) {
	label := "other"
	if code < 3000 || slices.Contains(wire.CloseCodes(), code) {
		label = strconv.Itoa(int(code))
	}
	m.Closed.WithLabelValues(label).Inc()
}
