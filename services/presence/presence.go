// Package presence is the presence service: it answers who is online, over all edges, and tells the
// watchers of rooms who comes and goes. All that it holds is in memory and can be had again from
// the edges; any number of replicas run.
//
// It owns the wiring of its parts and the answers over the bus and over HTTP. It has no database,
// and knows nothing of messages.
package presence

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/trace"
	"hubbub.internal/services/presence/announce"
	"hubbub.internal/services/presence/peers"
	"hubbub.internal/services/presence/replica"
	"hubbub.internal/services/presence/roster"
)

// Access says what a user may do in a room, and which tokens are void; *directory.Cache in package
// api is one. Errors have a *chat.Error in their chain. It is called concurrently.
type Access interface {
	Access(ctx context.Context, user, room string) (directoryapi.Access, error)
	httpapi.Endings
}

// Deps are what the service works with. It closes none of them.
type Deps struct {
	Bus      bus.Interface
	Log      *zap.Logger
	Metrics  prometheus.Registerer // nil: no metrics
	Verifier *auth.Verifier
	Access   Access
	// a request that takes longer is logged as slow; 0: none is
	SlowRequest time.Duration
	Trace       *trace.Tracer // nil: nothing is traced
}

// Service is one replica of the presence service.
type Service struct {
	cfg       Config
	bus       bus.Interface
	log       *zap.Logger
	slow      time.Duration // from which on requests are logged as slow; 0: none is
	access    Access
	replica   *replica.Replica
	peers     *peers.Peers
	announcer *announce.Announcer
	hidden    *hidden
	listing   chan struct{} // held while a page of a big room is looked for
	directory *directoryapi.Client
	seen      *directoryapi.Sightings
	handler   http.Handler
}

// New returns a replica that does nothing before Run. cfg has been validated.
func New(cfg Config, deps Deps) (*Service, error) {
	s := &Service{cfg: cfg, bus: deps.Bus, log: deps.Log, slow: deps.SlowRequest, access: deps.Access, hidden: newHidden(deps.Log, deps.Metrics), listing: make(chan struct{}, 1),
		directory: directoryapi.NewClient(deps.Bus), seen: directoryapi.NewSightings(deps.Bus, deps.Log, nil),
	}
	// A replica finds out that it is deaf well before it would take the edges for gone.
	signs := peers.Config{Every: cfg.EdgeExpiry / 10, Expiry: cfg.EdgeExpiry / 3}
	s.peers = peers.New(signs, deps.Bus, deps.Log, func() bool { return s.replica.Ready() == nil })
	s.replica = replica.New(
		replica.Config{Heartbeat: cfg.EdgeHeartbeat, Expiry: cfg.EdgeExpiry, Fetches: cfg.Snapshots, Audit: cfg.AuditEvery},
		replica.Deps{
			Bus: deps.Bus, Log: deps.Log, Metrics: deps.Metrics, Hears: s.peers.Hears,
			Changed: func(r *roster.Roster, at roster.Seat) { s.announcer.Changed(r, at) },
			Lost:    s.lost,
		})
	s.announcer = announce.New(
		announce.Config{
			Coalesce: cfg.Coalesce, Flap: cfg.Flap, Big: cfg.BigRoom, BigEvery: cfg.BigRoomEvery,
			Takeover: signs.Expiry + signs.Every + 2*cfg.Coalesce,
		},
		announce.Deps{Live: deps.Bus, Log: deps.Log, Metrics: deps.Metrics, First: s.peers.First, Update: s.replica.Update})
	if deps.Metrics != nil {
		deps.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "hubbub", Subsystem: "presence", Name: "replicas", Help: "Replicas of the presence service that this one knows of, itself included.",
		}, func() float64 { return float64(s.peers.Count()) }))
	}
	s.handler = s.routes(deps.Verifier, deps.SlowRequest, deps.Trace)
	return s, nil
}

// Handler returns the public HTTP routes.
func (s *Service) Handler() http.Handler { return s.handler }

// Ready returns nil while the replica answers, and else the reason why it does not: it has just
// started, or hears nothing over the bus.
func (s *Service) Ready(context.Context) error { return s.replica.Ready() }

// Run follows the edges, answers and tells until ctx ends, when it returns nil; or until the bus is
// closed.
func (s *Service) Run(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return s.peers.Run(ctx) })
	all.Go(func() error { return s.replica.Run(ctx) })
	all.Go(func() error { return s.announcer.Run(ctx) })
	all.Go(func() error { return s.seen.Run(ctx) })
	all.Go(func() error { return s.serve(ctx) })
	return all.Wait()
}

// lost tells the directory who was last seen on an edge that could not tell it any more. One
// replica does so for all.
func (s *Service) lost(l replica.Lost) {
	if !s.peers.First() {
		return
	}
	for _, user := range l.Users {
		s.seen.Saw(user, l.At)
	}
}

// serve answers over the bus as long as the replica is ready: one that is not leaves the requests
// to the others.
func (s *Service) serve(ctx context.Context) error {
	var stop func() // nil: nothing is served
	defer func() {
		if stop != nil {
			stop()
		}
	}()
	tick := time.NewTicker(max(s.cfg.EdgeHeartbeat/50, 5*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		switch ready := s.replica.Ready() == nil; {
		case ready && stop == nil:
			var err error
			if stop, err = api.Serve(ctx, api.LogSlow(s.bus, s.log, s.slow), s.failed, s.methods()...); err != nil {
				s.log.Warn("cannot serve requests over the bus yet; trying again", zap.Error(err))
			}
		case !ready && stop != nil:
			stop()
			stop = nil
		}
	}
}
