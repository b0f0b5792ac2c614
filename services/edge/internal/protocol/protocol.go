// Package protocol carries out the client protocol: who says hello, and what each command does. The
// table of handlers has a row for each kind of command, and each has its file. It puts the layers
// below together: conn, fanout, session, rooms, ownroom and sends.
//
// It keeps nothing that a crash would lose, and decides no permission.
package protocol

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/trace"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/metrics"
	"hubbub.internal/services/edge/internal/ownroom"
	"hubbub.internal/services/edge/internal/rooms"
	"hubbub.internal/services/edge/internal/sends"
	"hubbub.internal/services/edge/internal/session"
	"hubbub.internal/services/edge/internal/transport"
	"hubbub.internal/services/edge/internal/work"
)

// Options bound what the edge does: those of each layer. All are set by the caller.
type Options struct {
	EdgeID    string        // names the edge to the presence service
	Heartbeat time.Duration // of the edge, to the presence service
	conn.Options
	Fanout  fanout.Options
	Session session.Options
	Rooms   rooms.Options
	Sends   sends.Options
}

// Deps is what the hub works with.
type Deps struct {
	Bus      rooms.Bus
	Verifier *auth.Verifier
	Access   *directory.Cache
	Log      *zap.Logger
	Metrics  prometheus.Registerer
	Trace    *trace.Tracer // nil: nothing is traced
	// HTTP takes a connection that is no WebSocket, with what was read of it.
	HTTP func(conn net.Conn, read []byte)
}

// Hub is the edge itself: what its shards share, in all layers.
type Hub struct {
	opts     Options
	bus      rooms.Bus
	verifier *auth.Verifier
	people   *presence.Client
	log      *zap.Logger
	metrics  *metrics.Edge
	limits   wire.Limits
	checks   *work.Pool // verifies signatures
	shards   []*Shard
	ended    chan struct{} // the shards have stopped

	conn  *conn.Hub
	fan   *fanout.Hub
	sess  *session.Hub
	rooms *rooms.Hub
	own   *ownroom.Hub
	sends *sends.Hub

	requests inHand
}

// checkWorkers is how many goroutines verify tokens.
const checkWorkers = 8

// New returns a hub without shards; see Shard.
func New(o Options, deps Deps) *Hub {
	m := metrics.New(deps.Metrics)
	h := &Hub{
		opts: o, bus: deps.Bus, verifier: deps.Verifier, log: deps.Log, metrics: m,
		people: presence.NewClient(deps.Bus),
		limits: wire.Limits{
			Frame: o.Frame, Text: o.Sends.Text, Rooms: o.Rooms.Rooms, Rate: o.Rate, Burst: o.Burst, Pending: o.Sends.Pending, Event: wire.MaxEvent,
			Joins: wire.MaxJoins,
		},
		checks: work.New(checkWorkers, session.JobQueue),
		ended:  make(chan struct{}),
	}
	h.conn = conn.NewHub(o.Options, m, deps.HTTP)
	h.fan = fanout.NewHub(o.Fanout, o.Deflate, m)
	// ids of sessions do not repeat those of the process before
	h.sess = session.NewHub(o.Session, session.Deps{
		Access: deps.Access, Directory: directory.NewClient(deps.Bus), Metrics: m, Log: deps.Log, Trace: deps.Trace, Explain: rooms.Explain,
		Reporter: presence.NewReporter(deps.Bus, presence.ReporterConfig{Edge: o.EdgeID, Heartbeat: o.Heartbeat, Log: deps.Log, Metrics: deps.Metrics}, h.sessions),
	}, rand.Uint64()>>24)
	h.rooms = rooms.NewHub(o.Rooms, deps.Bus, h.sess, h.fan)
	h.own = ownroom.NewHub(deps.Bus, h.sess, h.rooms)
	h.sends = sends.NewHub(o.Sends, deps.Bus, h.sess, h.rooms, h.ended)
	deps.Access.OnChange(h.changed)
	metrics.Watch(deps.Metrics, metrics.Gauges{
		Sockets:     func() float64 { return float64(h.conn.Sockets()) },
		MaxSockets:  func() float64 { return float64(o.Sockets) },
		BufferBytes: func() float64 { return float64(h.conn.Held()) },
		Rooms:       func() float64 { return float64(h.rooms.Followed()) },
		Requests:    h.requests.count,
	})
	return h
}

// Shard adds a shard that drives l's connections, and returns its handler. All are added before
// Run.
func (h *Hub) Shard(l transport.Loop) transport.Handler {
	s := newShard(h, l)
	h.shards = append(h.shards, s)
	return s.conn
}

// Run does what belongs to no loop, until ctx ends. The loops have to be running, and have to be
// stopped before.
func (h *Hub) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{h.sess.Jobs.Run, h.sends.LookUps.Run, h.checks.Run, h.sess.Reporter.Run, h.sweep, h.own.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				h.log.Error("a part of the edge failed", zap.Error(err))
			}
		})
	}
	wg.Wait()
	h.rooms.Close()
	return nil
}

// HandshakeFailed counts a handshake of TLS that failed, by any goroutine.
func (h *Hub) HandshakeFailed(err error) {
	h.metrics.Refused.WithLabelValues("tls").Inc()
	h.log.Debug("a TLS handshake failed", zap.Error(err))
}

// Stopped says that no loop runs any more: what was asked of them is not answered.
func (h *Hub) Stopped() { close(h.ended) }

// Sockets returns how many WebSockets there are.
func (h *Hub) Sockets() int { return h.conn.Sockets() }

// Draining reports whether Drain has been called.
func (h *Hub) Draining() bool { return h.conn.Draining() }

// Drain asks all sockets to go elsewhere: see conn.Hub.Drain.
func (h *Hub) Drain(ctx context.Context, d time.Duration) { h.conn.Drain(ctx, d) }

// sweepEvery is how often what nobody uses any more is given up.
const sweepEvery = time.Second

func (h *Hub) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		h.rooms.Sweep(n)
		h.sess.Sweep(n)
	}
}

// changed posts a change of permissions to all shards. The cache calls it; it does not block.
func (h *Hub) changed(c directory.Change) {
	for _, s := range h.shards {
		s.conn.Post(func() { s.changed(c) })
	}
}
