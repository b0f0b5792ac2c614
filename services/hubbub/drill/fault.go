package drill

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"hubbub.internal/services/hubbub/cluster"
	"hubbub.internal/services/hubbub/load"
)

// stage is what faults play on.
type stage struct {
	*cluster.Cluster
	crowd *load.Crowd
	rng   *rand.Rand
}

// Fault is something that goes wrong and is mended.
type Fault struct {
	Name string
	What string // in words
	// do has it go wrong and mends it. It returns when everything runs again.
	do func(ctx context.Context, s *stage) error
}

// How long things stay broken.
const (
	away  = time.Second     // a process that was killed, before it is started again
	stuck = 3 * time.Second // a process that is frozen, or a connection that is cut
)

// Faults are all that a drill knows, in the order in which help lists them.
var Faults = []Fault{
	{"kill-edge", "an edge is killed with -9 and started again", killed("edge")},
	{"freeze-edge", "an edge is stopped for 3 s and goes on", frozen("edge")},
	{"deploy", "all edges are replaced, one by one", deploy},
	{"cut-edge", "an edge's connections to the bus break, and none can be made for 3 s", linked("edge", (*cluster.Proxy).Cut)},
	{"part-edge", "nothing passes between an edge and the bus for 3 s, and nobody is told", linked("edge", (*cluster.Proxy).Hush)},
	{"slow-edge", "all between an edge and the bus takes 100 ms longer, each way, for 3 s", linked("edge", slow)},
	{"reconnect", "all sockets reconnect at once", func(ctx context.Context, s *stage) error { return s.crowd.Reconnect(ctx) }},
	{"kill-bus", "the bus is killed with -9 and started again", killed("bus")},
	{"restart-bus", "the bus is stopped and started again", restarted("bus")},
	{"freeze-bus", "the bus is stopped for 3 s and goes on", frozen("bus")},
	{"kill-history", "history is killed with -9 and started again", killed("history")},
	{"freeze-history", "history is stopped for 3 s and goes on", frozen("history")},
	{"cut-history", "history's connections to the bus break, and none can be made for 3 s", linked("history", (*cluster.Proxy).Cut)},
	{"kill-presence", "a presence replica is killed with -9 and started again", killed("presence")},
	{"freeze-presence", "a presence replica is stopped for 3 s and goes on", frozen("presence")},
	{"kill-directory", "the directory is killed with -9 and started again", killed("directory")},
	{"kill-nginx", "nginx is killed with -9, and all sockets with it, and started again", killed("nginx")},
	{"kill-all", "everything is killed with -9 and started again, the bus first", killAll},
}

// pick returns one of the processes of a kind.
func (s *stage) pick(kind string) (*cluster.Process, error) {
	if kind == "bus" {
		return s.Bus(), nil
	}
	var all []*cluster.Process
	for _, p := range s.All() {
		if p.Name == kind || strings.HasPrefix(p.Name, kind+"-") {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no process %s", kind)
	}
	return all[s.rng.IntN(len(all))], nil
}

func on(kind string, do func(ctx context.Context, p *cluster.Process) error) func(context.Context, *stage) error {
	return func(ctx context.Context, s *stage) error {
		p, err := s.pick(kind)
		if err != nil {
			return err
		}
		return do(ctx, p)
	}
}

func killed(kind string) func(context.Context, *stage) error {
	return on(kind, func(ctx context.Context, p *cluster.Process) error {
		p.Kill()
		sleep(ctx, away)
		return p.Start(ctx)
	})
}

func restarted(kind string) func(context.Context, *stage) error {
	return on(kind, func(ctx context.Context, p *cluster.Process) error {
		p.Stop()
		return p.Start(ctx)
	})
}

func frozen(kind string) func(context.Context, *stage) error {
	return on(kind, func(ctx context.Context, p *cluster.Process) error {
		if err := p.Pause(); err != nil {
			return err
		}
		sleep(ctx, stuck)
		return p.Resume()
	})
}

func linked(kind string, do func(*cluster.Proxy)) func(context.Context, *stage) error {
	return func(ctx context.Context, s *stage) error {
		p, err := s.pick(kind)
		if err != nil {
			return err
		}
		link := s.Link(p.Name)
		do(link)
		sleep(ctx, stuck)
		link.Heal()
		return nil
	}
}

func slow(p *cluster.Proxy) { p.Delay(100 * time.Millisecond) }

func deploy(ctx context.Context, s *stage) error {
	for _, p := range s.All() {
		if strings.HasPrefix(p.Name, "edge-") {
			p.Stop()
			if err := p.Start(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func killAll(ctx context.Context, s *stage) error {
	all := s.All()
	for i := range all {
		all[len(all)-1-i].Kill()
	}
	sleep(ctx, away)
	if err := s.Bus().Start(ctx); err != nil {
		return err
	}
	var rest errgroup.Group
	for _, p := range all {
		if p != s.Bus() {
			rest.Go(func() error { return p.Start(ctx) })
		}
	}
	return rest.Wait()
}

// sleep waits, or until ctx ends: what is broken is mended all the same.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
