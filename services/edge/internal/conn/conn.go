// Package conn owns the connections of the edge, from the first byte to the close frame: the
// opening handshake, frames, buffers, timers, limits, and the drain at the end. Each loop has a
// Shard, which owns the loop's connections and is touched by that loop's goroutine alone.
//
// It knows no room and no command. What a message means, and who the client is, the Handler knows;
// what else is to be written, the Source.
package conn

import (
	"net"
	"sync/atomic"
	"time"

	"hubbub.internal/libs/clientaddr"
	"hubbub.internal/services/edge/internal/metrics"
	"hubbub.internal/services/edge/internal/transport"
)

// Options bound what connections may take. All are set by the caller.
type Options struct {
	Origins []string
	Proxies clientaddr.Proxies
	// BasePath is what the WebSocket is under, without a slash at its end; empty: nothing
	BasePath     string
	Sockets      int // WebSockets at the same time
	SocketsPerIP int // of one address (IPv6: of one /64); 0: any number
	Frame        int // bytes of a message
	Rate         int // commands per second of one socket, sustained
	Burst        int // commands at once
	// Buffers is how many bytes of incomplete input and unsent output all sockets of a shard have
	Buffers     int
	Outstanding int // bytes of unsent output of one socket
	// Deflate is from how many bytes on a message of a room is compressed; 0: never, and no
	// client's is taken
	Deflate          int
	HandshakeTimeout time.Duration
	HelloTimeout     time.Duration
	PingAfter        time.Duration
	IdleTimeout      time.Duration
	WriteTimeout     time.Duration
}

// Handler is what a shard reports to. The loop's goroutine calls it; no method may block.
type Handler interface {
	// Opened says that a connection was accepted. Its slot may be a new one.
	Opened(slot uint32)
	// Message takes a whole text message, which need not be UTF-8. Its memory is the handler's
	// until it returns.
	Message(slot uint32, text []byte)
	// Timeout says that the timer of a connection has fired, as it does once in a while.
	Timeout(slot uint32)
	// Busy reports whether a drain has to spare the connection for now.
	Busy(slot uint32) bool
	// Flushed says that everything that there was for a connection has been written, after
	// NotifyFlushed.
	Flushed(slot uint32)
	// Left says that a connection ends, or has ended: the handler lets go of all that it holds for
	// it. The state is still the last one. It may be called again, for a connection of which the
	// handler holds nothing any more.
	Left(slot uint32)
	// Mail says that somebody may have called Wake. It is called in each turn, before Tick.
	Mail()
	// Tick is called ten times a second, while a connection has a timer or Ticking says so.
	Tick()
	// Ticking reports whether the handler needs ticks now.
	Ticking() bool
}

// Source has what is written to connections besides what was pushed. The loop's goroutine calls it.
type Source interface {
	// Deliver pushes, or enqueues the slots of, what is to be written in this turn.
	Deliver()
	// Gather appends the frames that a connection is to get to bufs, at most transport.MaxBufs in
	// all. With all it looks for more than Deliver has enqueued it for. ok is false when that has
	// closed the connection.
	Gather(slot uint32, all bool, bufs [][]byte) (out [][]byte, ok bool)
	// Wrote says that the first n bytes of what Gather returned last were written. It returns the
	// rest of a frame that was cut, which the connection writes before anything else.
	Wrote(n int) (rest []byte)
	// Skipped says that nothing is written to a connection for which Deliver has enqueued it.
	Skipped(slot uint32)
	// Delivered ends a turn.
	Delivered()
	// Wait returns for how long the loop may wait at most, given for how long it may for all else;
	// 0: there is more to do at once, negative: for ever.
	Wait(limit time.Duration) time.Duration
}

// Hub is what the shards of an edge share.
type Hub struct {
	Options  Options
	Metrics  *metrics.Edge
	http     func(conn net.Conn, read []byte)
	shards   []*Shard
	sockets  atomic.Int64
	draining atomic.Bool
	addrs    addrTable
}

// MaxShards is how many shards a hub may have: layers above name some of them by a bit each.
const MaxShards = 64

// NewHub returns a hub without shards. http takes a connection that is no WebSocket, with what was
// read of it.
func NewHub(o Options, m *metrics.Edge, http func(conn net.Conn, read []byte)) *Hub {
	return &Hub{Options: o, Metrics: m, http: http}
}

// Shard adds a shard that drives l's connections. The caller calls its Serve before the loop runs.
func (h *Hub) Shard(l transport.Loop) *Shard {
	s := newShard(h, l, len(h.shards))
	h.shards = append(h.shards, s)
	return s
}

// Sockets returns how many WebSockets there are.
func (h *Hub) Sockets() int { return int(h.sockets.Load()) }

// Draining reports whether Drain has been called.
func (h *Hub) Draining() bool { return h.draining.Load() }

// Held returns how many bytes of buffers are in use, as of the shards' last turns.
func (h *Hub) Held() (sum int64) {
	for _, s := range h.shards {
		sum += s.held.Load()
	}
	return sum
}
