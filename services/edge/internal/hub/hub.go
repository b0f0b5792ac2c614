// Package hub is the edge itself: sessions, rooms, and the commands of the client protocol. Each
// loop has a Shard, which owns the loop's connections and is touched by that loop's goroutine
// alone; what the shards share is the feeds, one for each room that somebody on this edge is in.
//
// It owns WebSocket sessions from the first byte to the close frame. It knows no socket (transport
// does), keeps nothing that a crash would lose, and decides no permission.
package hub

import (
	"context"
	"math/bits"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/bucket"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/metrics"
	"hubbub.internal/services/edge/internal/transport"
	"hubbub.internal/services/edge/internal/work"
)

// Options bound what the hub does. All are set by the caller.
type Options struct {
	conn.Options
	Fanout         fanout.Options
	EdgeID         string        // names the edge to the presence service
	Heartbeat      time.Duration // of the edge, to the presence service
	SocketsPerUser int           // 0: any number
	// commands per second of one user on this edge, sustained; 0: any number
	UserRate  int
	UserBurst int // commands of one user at once
	// of text and perMessage that a user may send in a day on this edge; 0: any amount
	UserBytes  int64
	GuestBytes int64         // the same of a guest
	Text       int           // bytes of UTF-8 of a text
	Rooms      int           // rooms of one socket
	Pending    int           // sends of one socket that are not acknowledged
	AwayAfter  time.Duration // without a command the user is shown as idle; 0: never
}

// Deps is what the hub works with.
type Deps struct {
	Bus      bus.Interface
	Verifier *auth.Verifier
	Access   *directory.Cache
	Log      *zap.Logger
	Metrics  prometheus.Registerer
	// HTTP takes a connection that is no WebSocket, with what was read of it.
	HTTP func(conn net.Conn, read []byte)
}

// Hub is what the shards of an edge share.
type Hub struct {
	opts     Options
	conn     *conn.Hub
	fan      *fanout.Hub
	bus      bus.Interface
	verifier *auth.Verifier
	access   *directory.Cache
	people   *presence.Client
	reporter *presence.Reporter
	log      *zap.Logger
	metrics  *metrics.Edge
	limits   wire.Limits
	userRate bucket.Limit
	volumes  volumes
	shards   []*Shard
	jobs     *work.Pool // waits for the bus
	lookUps  *work.Pool // looks for messages in the record
	checks   *work.Pool // verifies signatures
	numbers  atomic.Uint64
	ended    chan struct{} // the shards have stopped

	mu    sync.Mutex
	feeds map[string]*feed // by name

	users  userTable
	ofUser socketTable
	slow   slowTable
	heads  headDesk
	live   [liveChannels]liveChannel
}

// How many goroutines wait for the bus at the same time, verify tokens, and how many jobs wait for
// each.
const (
	busWorkers   = 64
	checkWorkers = 8
	jobQueue     = 16 << 10
)

// New returns a hub without shards; see Shard.
func New(opts Options, deps Deps) *Hub {
	h := &Hub{
		opts: opts, bus: deps.Bus, verifier: deps.Verifier, access: deps.Access, log: deps.Log,
		people:  presence.NewClient(deps.Bus),
		metrics: metrics.New(deps.Metrics),
		limits: wire.Limits{
			Frame: opts.Frame, Text: opts.Text, Rooms: opts.Rooms, Rate: opts.Rate, Burst: opts.Burst, Pending: opts.Pending, Event: wire.MaxEvent,
		},
		jobs: work.New(busWorkers, jobQueue), checks: work.New(checkWorkers, jobQueue), lookUps: work.New(lookUpWorkers, jobQueue),
		feeds: make(map[string]*feed), slow: newSlowTable(),
		heads: headDesk{wake: make(chan struct{}, 1)},
		ended: make(chan struct{}),
	}
	h.userRate = bucket.Limit{Rate: uint32(opts.UserRate), Burst: uint32(opts.UserBurst)}
	// ids of sessions do not repeat those of the process before
	h.numbers.Store(rand.Uint64() >> 24)
	h.reporter = presence.NewReporter(deps.Bus, presence.ReporterConfig{Edge: opts.EdgeID, Heartbeat: opts.Heartbeat, Log: deps.Log, Metrics: deps.Metrics}, h.sessions)
	h.access.OnChange(h.changed)
	h.conn = conn.NewHub(opts.Options, h.metrics, deps.HTTP)
	h.fan = fanout.NewHub(opts.Fanout, opts.Deflate, h.metrics)
	metrics.Watch(deps.Metrics, metrics.Gauges{
		Sockets:     func() float64 { return float64(h.conn.Sockets()) },
		MaxSockets:  func() float64 { return float64(opts.Sockets) },
		BufferBytes: func() float64 { return float64(h.conn.Held()) },
		Rooms: func() float64 {
			h.mu.Lock()
			defer h.mu.Unlock()
			return float64(len(h.feeds))
		},
	})
	return h
}

// MaxShards is how many shards a hub may have.
const MaxShards = 64

// Shard adds a shard that drives l's connections, and returns its handler. All are added before
// Run.
func (h *Hub) Shard(l transport.Loop) transport.Handler {
	c := h.conn.Shard(l)
	h.shards = append(h.shards, newShard(h, c))
	return c
}

// Run does what belongs to no loop, until ctx ends. The loops have to be running, and have to be
// stopped before.
func (h *Hub) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{h.jobs.Run, h.lookUps.Run, h.checks.Run, h.reporter.Run, h.sweep, h.watchOwn} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				h.log.Error("a part of the edge has failed", zap.Error(err))
			}
		})
	}
	wg.Wait()
	h.close()
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

// sweepEvery is how often feeds that nobody uses are given up and rings are trimmed.
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
		h.sweepFeeds(n)
		h.users.sweep(h.userRate)
		if n%60 == 0 {
			h.volumes.sweep()
		}
	}
}

// each calls do for every shard whose bit is in mask.
func (h *Hub) each(mask uint64, do func(*Shard)) {
	for ; mask != 0; mask &= mask - 1 {
		do(h.shards[bits.TrailingZeros64(mask)])
	}
}
