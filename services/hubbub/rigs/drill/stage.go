package drill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/schema"
	"hubbub.internal/services/hubbub/rigs/cluster"
	"hubbub.internal/services/hubbub/rigs/load"
)

// stage is what a fault acts on: a cluster, and the crowd in it.
type stage struct {
	*cluster.Cluster
	cfg   Config
	crowd *load.Crowd
	bin   string            // folder of the programs
	base  map[string]vitals // of each service, before the first fault

	// Of the current fault.
	dice *rand.Rand
	hit  []string // the processes that it hit

	parked int // dead letters before the current fault
}

// pick returns a random process of a kind.
func (s *stage) pick(kind string) (*cluster.Process, error) { return s.choose(kind, is(kind)) }

func is(kind string) func(*cluster.Process) bool {
	return func(p *cluster.Process) bool { return p.Name == kind || strings.HasPrefix(p.Name, kind+"-") }
}

func (s *stage) choose(kind string, is func(*cluster.Process) bool) (*cluster.Process, error) {
	var all []*cluster.Process
	for _, p := range s.All() {
		if is(p) {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no process %s", kind)
	}
	p := one(s.dice, all)
	s.hit = append(s.hit, p.Name)
	return p, nil
}

// one returns a random one of the processes.
func one(dice *rand.Rand, all []*cluster.Process) *cluster.Process { return all[dice.IntN(len(all))] }

func on(kind string, do func(ctx context.Context, p *cluster.Process) error) func(context.Context, *stage) error {
	return func(ctx context.Context, s *stage) error {
		p, err := s.pick(kind)
		if err != nil {
			return err
		}
		return do(ctx, p)
	}
}

func killed(kind string) func(context.Context, *stage) error { return on(kind, kill) }

// kill kills a process and starts it again after a while.
func kill(ctx context.Context, p *cluster.Process) error {
	p.Kill()
	_ = await.Sleep(ctx, away)
	return again(ctx, p)
}

// again starts a process that has ended, even if the drill was interrupted: a fault is always
// mended.
func again(ctx context.Context, p *cluster.Process) error { return p.Start(context.WithoutCancel(ctx)) }

// lose kills all processes of a kind and starts them again after the outage.
func lose(kind string) func(context.Context, *stage) error {
	return func(ctx context.Context, s *stage) error { return s.without(ctx, kind, func() error { return nil }) }
}

// loseDirectory also makes all sockets reconnect, to edges that may not know the users'
// permissions.
func loseDirectory(ctx context.Context, s *stage) error {
	return s.without(ctx, "directory", func() error { return s.crowd.Reconnect(ctx) })
}

// without kills all processes of a kind, calls do, and starts them again after the outage. do may
// have to wait for them.
func (s *stage) without(ctx context.Context, kind string, do func() error) error {
	var all []*cluster.Process
	for _, p := range s.All() {
		if is(kind)(p) {
			p.Kill()
			all = append(all, p)
			s.hit = append(s.hit, p.Name)
		}
	}
	done := make(chan error, 1)
	go func() { done <- do() }()
	_ = await.Sleep(ctx, min(lost, s.cfg.Outage))
	var back errgroup.Group
	for _, p := range all {
		back.Go(func() error { return again(ctx, p) })
	}
	return errors.Join(back.Wait(), <-done)
}

func frozen(kind string) func(context.Context, *stage) error { return on(kind, freeze) }

func freeze(ctx context.Context, p *cluster.Process) error {
	if err := p.Pause(); err != nil {
		return err
	}
	_ = await.Sleep(ctx, stuck)
	return p.Resume()
}

func linked(kind string, do func(cluster.Link)) func(context.Context, *stage) error {
	return func(ctx context.Context, s *stage) error {
		p, err := s.pick(kind)
		if err != nil {
			return err
		}
		link := s.Link(p.Name)
		do(link)
		_ = await.Sleep(ctx, stuck)
		link.Heal()
		return nil
	}
}

func slow(l cluster.Link) { l.Delay(100 * time.Millisecond) }

func deploy(ctx context.Context, s *stage) error {
	for _, p := range s.All() {
		if strings.HasPrefix(p.Name, "edge-") {
			p.Stop()
			if err := again(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// upgrade replaces every process of a service by one of this release, one by one, then by one of
// the other release, and by one of this release again. A service of the other release refuses a
// store that this release has migrated, and ends; upgrade leaves that service at this release.
func upgrade(ctx context.Context, s *stage) error {
	for _, bin := range []string{s.bin, s.cfg.Previous, s.bin} {
		for _, kind := range services {
			for _, p := range s.All() {
				if !is(kind)(p) {
					continue
				}
				s.hit = append(s.hit, p.Name)
				p.Stop()
				err := s.run(ctx, p, bin)
				if err != nil && bin == s.cfg.Previous && strings.Contains(err.Error(), schema.ErrNewer.Error()) {
					err = s.run(ctx, p, s.bin)
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// run starts a process that has ended with the program of another folder.
func (s *stage) run(ctx context.Context, p *cluster.Process, bin string) error {
	if err := p.Use(bin); err != nil {
		return err
	}
	return again(ctx, p)
}

// scaleDown stops all edges but one at the same moment, and starts them again later.
func scaleDown(ctx context.Context, s *stage) error {
	var stops errgroup.Group
	var gone []*cluster.Process
	for _, p := range s.All() {
		if strings.HasPrefix(p.Name, "edge-") {
			gone = append(gone, p)
		}
	}
	gone = gone[:len(gone)-1]
	for _, p := range gone {
		s.hit = append(s.hit, p.Name)
		stops.Go(func() error { p.Stop(); return nil })
	}
	_ = stops.Wait()
	_ = await.Sleep(ctx, stuck)
	var back errgroup.Group
	for _, p := range gone {
		back.Go(func() error { return again(ctx, p) })
	}
	return back.Wait()
}

func killAll(ctx context.Context, s *stage) error {
	all := s.All()
	for i := range all {
		all[len(all)-1-i].Kill()
	}
	_ = await.Sleep(ctx, away)
	ctx = context.WithoutCancel(ctx)
	if err := s.Bus.Start(ctx); err != nil {
		return err
	}
	var rest errgroup.Group
	for _, p := range all {
		if !p.Runs() {
			rest.Go(func() error { return p.Start(ctx) })
		}
	}
	return rest.Wait()
}
