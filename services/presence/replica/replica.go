// Package replica keeps a replica of what every edge has told of its sessions: it applies numbered
// changes, finds out what it has missed, asks the edges for snapshots, and forgets the edges that
// are silent.
//
// It knows nothing of who may see what, nor of who is told: the roster does the book-keeping,
// package announce the telling.
package replica

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/presence/roster"
)

// Config says how long a replica waits for what.
type Config struct {
	Heartbeat time.Duration // how often edges are heard
	Expiry    time.Duration // silence after which an edge is gone
	Fetches   int           // snapshots read at the same time
	Audit     time.Duration // how often what is held is compared with what the edges have; 0: never
}

// tick is how often a replica looks at the clock.
func (c Config) tick() time.Duration { return max(c.Heartbeat/50, 5*time.Millisecond) }

// Deps are what a replica works with.
type Deps struct {
	Bus     bus.Interface
	Log     *zap.Logger
	Metrics prometheus.Registerer
	// Hears reports whether the bus brings this process anything at all. While it does not, no edge
	// expires: the silence says nothing about them.
	Hears func() bool
	// Changed is called with the replica locked; see roster.New.
	Changed func(*roster.Roster, roster.Seat)
	// Lost is called for each edge that goes without a goodbye.
	Lost func(Lost)
}

// Replica holds what the edges told. It is safe for concurrent use.
type Replica struct {
	cfg     Config
	bus     bus.Interface
	log     *zap.Logger
	hears   func() bool
	lost    func(Lost)
	metrics metrics

	mu     sync.RWMutex
	roster *roster.Roster
	edges  *edges
	// when every edge must have been heard; zero: not subscribed, or deaf
	warm    time.Time
	ready   bool                 // it knows who is there
	knew    bool                 // it was ready before
	refused map[string]time.Time // by reason: when it was last logged
	waiting string               // why it is not ready
	found   map[*edge]finding    // by the last audit of each edge
}

// settleTime is how long after its warm-up a replica waits for snapshots before it answers without
// them.
const settleTime = 2 // in expiries

// New returns a replica that knows nothing yet.
func New(cfg Config, deps Deps) *Replica {
	r := &Replica{
		cfg: cfg, bus: deps.Bus, log: deps.Log, hears: deps.Hears, lost: deps.Lost,
		refused: make(map[string]time.Time), found: make(map[*edge]finding), waiting: "not subscribed to the edges yet",
	}
	r.roster = roster.New(func(s roster.Seat) {
		if !r.knew {
			r.roster.Tell(s) // what was there before this process is no news
			return
		}
		deps.Changed(r.roster, s)
	})
	r.edges = newEdges(r.roster, cfg.Expiry, cfg.Heartbeat/20, r.refuse, func(cause string) { r.metrics.heals.WithLabelValues(cause).Inc() })
	r.metrics = newMetrics(deps.Metrics, r)
	return r
}

// View calls f with the roster, which does not change meanwhile.
func (r *Replica) View(f func(*roster.Roster)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	f(r.roster)
}

// Update calls f with the roster while nobody else reads or changes it. It is for what was told;
// what is true comes from the edges.
func (r *Replica) Update(f func(*roster.Roster)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r.roster)
}

// Ready returns nil once the replica has heard from all edges, and a *chat.Error of
// chat.CodeUnavailable while it cannot know who is there.
func (r *Replica) Ready() error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.ready {
		return nil
	}
	after := r.cfg.Heartbeat
	if left := time.Until(r.warm); left > 0 && left < after {
		after = left
	}
	return chat.Unavailable("presence is not known yet: "+r.waiting, after)
}

// Run follows the edges until ctx ends, when it returns nil.
func (r *Replica) Run(ctx context.Context) error {
	sub, err := r.subscribe(ctx)
	if err != nil {
		return err
	}
	if sub == nil {
		return nil
	}
	defer sub.Stop()

	var healers sync.WaitGroup
	defer healers.Wait()
	healers.Go(func() { r.audit(ctx) })
	slots := make(chan struct{}, r.cfg.Fetches)
	tick := time.NewTicker(r.cfg.tick())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			due, lost := r.tick(now, cap(slots)-len(slots))
			for _, l := range lost {
				r.lost(l)
			}
			for _, h := range due {
				slots <- struct{}{}
				healers.Go(func() {
					r.heal(ctx, h)
					<-slots
				})
			}
		}
	}
}

// subscribe tries until it succeeds; a nil subscription without an error says that ctx has ended.
func (r *Replica) subscribe(ctx context.Context) (bus.Subscription, error) {
	for {
		sub, err := r.bus.Subscribe(ctx, presence.ChannelEdges, func(msg []byte) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.edges.receive(time.Now(), msg)
		})
		switch {
		case ctx.Err() != nil:
			if err == nil {
				sub.Stop()
			}
			return nil, nil
		case err == nil:
			return sub, nil
		case errors.Is(err, bus.ErrClosed):
			return nil, fmt.Errorf("subscribe to the edges: %w", err)
		}
		r.log.Warn("cannot subscribe to the edges yet; trying again", zap.Error(err))
		_ = await.Sleep(ctx, r.cfg.Heartbeat/5)
	}
}

// tick expires edges, decides readiness, and returns the snapshots to ask for now and the edges
// that were lost.
func (r *Replica) tick(now time.Time, slots int) (due []*heal, lost []Lost) {
	hears := r.hears()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !hears {
		if r.ready {
			r.log.Warn("nothing arrives over the bus: presence is unknown, and no edge expires")
		}
		r.ready, r.warm, r.waiting = false, time.Time{}, "nothing is heard over the bus"
		return nil, nil
	}
	if r.warm.IsZero() {
		r.edges.forgive(now)
		r.warm = now.Add(r.cfg.Heartbeat + r.cfg.Heartbeat/5)
		r.waiting = "waiting for the edges' heartbeats"
	}
	// An edge goes at the first tick of the last two of its time: whoever asks when that is over
	// does not see it, although its last heartbeat was under way for a while and a tick may be
	// late, which together may take a whole tick.
	if n := r.edges.expire(now.Add(2 * r.cfg.tick())); n > 0 {
		r.metrics.expired.Add(float64(n))
		r.log.Warn("dropped the sessions of edges that were silent for too long", zap.Int("edges", n))
	}
	if !r.ready && now.After(r.warm) {
		r.waiting = "waiting for snapshots of the edges"
		if r.edges.synced() || now.After(r.warm.Add(settleTime*r.cfg.Expiry)) {
			r.ready, r.knew = true, true
			sessions, users, rooms := r.roster.Size()
			r.log.Info("presence is known", zap.Int("edges", len(r.edges.known)), zap.Int("sessions", sessions), zap.Int("users", users), zap.Int("rooms", rooms))
		}
	}
	lost, r.edges.lost = r.edges.lost, nil
	return r.edges.due(now, slots), lost
}

// fetchTimeout bounds the request for one chunk; for the first the edge goes through all of its
// sessions.
const fetchTimeout = 20 * time.Second

// heal reads a snapshot of an edge, applying it as it comes, one chunk in memory at a time.
func (r *Replica) heal(ctx context.Context, h *heal) {
	begun := time.Now()
	err := r.readSnapshot(ctx, h)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		err = r.edges.finish(time.Now(), h)
	}
	switch {
	case err == nil:
		r.metrics.snapshots.WithLabelValues("ok").Inc()
		r.log.Info("took over the sessions of an edge", zap.String("edge", h.edge.id), zap.Int("sessions", h.edge.sessions.Count()), zap.Duration("took", time.Since(begun)))
	case ctx.Err() != nil || errors.Is(err, errAway):
	default:
		r.metrics.snapshots.WithLabelValues("failed").Inc()
		r.log.Warn("could not get the snapshot of an edge; trying again", zap.String("edge", h.edge.id), zap.Int("failures", h.edge.failures+1), zap.Error(err))
		r.edges.fail(time.Now(), h)
	}
}

func (r *Replica) readSnapshot(ctx context.Context, h *heal) error {
	req := presence.SnapshotRequest{Min: h.need}
	for {
		one, cancel := context.WithTimeout(ctx, fetchTimeout)
		c, err := presence.FetchSnapshot(one, r.bus, h.edge.id, h.edge.incarnation, req)
		cancel()
		if err != nil {
			return err
		}
		if err := r.applyChunk(h, c); err != nil {
			return err
		}
		req.ID, req.Index = c.ID, c.Index+1
		if req.Index == c.Chunks {
			return nil
		}
	}
}

func (r *Replica) applyChunk(h *heal, c presence.Chunk) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Index == 0 {
		return r.edges.begin(h, c)
	}
	return r.edges.chunk(h, c)
}

// refuse counts a report that is passed over, and logs one of each kind a minute. The caller holds
// mu.
func (r *Replica) refuse(reason string) {
	r.metrics.refused.WithLabelValues(reason).Inc()
	if now := time.Now(); now.Sub(r.refused[reason]) >= time.Minute {
		r.refused[reason] = now
		r.log.Warn("refused a report of an edge; further ones of this kind within a minute are only counted", zap.String("reason", reason))
	}
}
