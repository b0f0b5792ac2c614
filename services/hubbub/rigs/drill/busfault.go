package drill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hubbub.internal/libs/await"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// killBus kills the bus, Sentinels first, so that they promote no replica.
func killBus(ctx context.Context, s *stage) error {
	all := s.Bus.All()
	for i := range all {
		all[len(all)-1-i].Kill()
	}
	_ = await.Sleep(ctx, away)
	return s.Bus.Start(context.WithoutCancel(ctx))
}

func restartBus(ctx context.Context, s *stage) error {
	all := s.Bus.All()
	for i := range all {
		all[len(all)-1-i].Stop()
	}
	return s.Bus.Start(context.WithoutCancel(ctx))
}

func freezeBus(ctx context.Context, s *stage) error {
	var errs []error
	all := s.Bus.All()
	for i := range all {
		errs = append(errs, all[len(all)-1-i].Pause())
	}
	_ = await.Sleep(ctx, stuck)
	for _, p := range all {
		errs = append(errs, p.Resume())
	}
	return errors.Join(append(errs, s.Bus.Whole(context.WithoutCancel(ctx)))...)
}

// follower returns a random server of the bus that does not lead.
func (s *stage) follower(ctx context.Context) (*cluster.Process, error) {
	leader, err := s.Bus.Leader(ctx)
	if err != nil {
		return nil, err
	}
	nodes := make(map[*cluster.Process]bool)
	for _, p := range s.Bus.Nodes {
		nodes[p] = p != leader
	}
	return s.choose("of the bus that does not lead", func(p *cluster.Process) bool { return nodes[p] })
}

// lead returns the server of the bus that leads, and notes it as hit.
func (s *stage) lead(ctx context.Context) (*cluster.Process, error) {
	p, err := s.Bus.Leader(ctx)
	if err == nil {
		s.hit = append(s.hit, p.Name)
	}
	return p, err
}

func killNode(ctx context.Context, s *stage) error {
	p, err := s.follower(ctx)
	if err != nil {
		return err
	}
	return errors.Join(kill(ctx, p), s.Bus.Whole(context.WithoutCancel(ctx)))
}

func freezeNode(ctx context.Context, s *stage) error {
	p, err := s.follower(ctx)
	if err != nil {
		return err
	}
	return errors.Join(freeze(ctx, p), s.Bus.Whole(context.WithoutCancel(ctx)))
}

func killLeader(ctx context.Context, s *stage) error {
	p, err := s.lead(ctx)
	if err != nil {
		return err
	}
	p.Kill()
	err = s.Bus.Elected(ctx, p)
	_ = await.Sleep(ctx, away)
	return errors.Join(err, s.Bus.Start(context.WithoutCancel(ctx)))
}

func freezeLeader(ctx context.Context, s *stage) error {
	p, err := s.lead(ctx)
	if err != nil {
		return err
	}
	if err := p.Pause(); err != nil {
		return err
	}
	err = s.Bus.Elected(ctx, p)
	_ = await.Sleep(ctx, away)
	return errors.Join(err, p.Resume(), s.Bus.Whole(context.WithoutCancel(ctx)))
}

func rollBus(ctx context.Context, s *stage) error {
	for _, p := range s.Bus.All() {
		p.Stop()
		if err := s.Bus.Start(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// fullFor is how long the bus's disk is full.
const fullFor = 5 * time.Second

// fullBus moves the leader's data to a small disk, fills that for a while, and moves the data back.
func fullBus(ctx context.Context, s *stage) error {
	p, err := s.lead(ctx)
	if err != nil {
		return err
	}
	w, err := newWitness(ctx, s.URL)
	if err != nil {
		return err
	}
	defer w.close()
	mend := context.WithoutCancel(ctx)
	p.Stop()
	disk, err := cluster.NewDisk(p.Data)
	if err != nil {
		return errors.Join(skip(err), s.Bus.Start(mend))
	}
	err = errors.Join(s.Bus.Start(mend), s.fill(ctx, p, disk, w))
	p.Stop()
	return errors.Join(err, disk.Remove(), s.Bus.Start(mend))
}

// fill fills the disk of a server of the bus for a while. It checks what senders are told
// meanwhile, and that the bus accepts messages afterwards.
func (s *stage) fill(ctx context.Context, p *cluster.Process, disk *cluster.Disk, w *witness) error {
	_ = await.Sleep(ctx, calm)
	err := disk.Fill()
	if err == nil && s.cfg.BusNodes == 1 {
		err = w.refused(ctx)
	}
	_ = await.Sleep(ctx, fullFor)
	if err := errors.Join(err, disk.Free()); err != nil {
		return err
	}
	mend := context.WithoutCancel(ctx)
	// A server that has met a full disk may have ended, or may accept nothing any more. Then fill
	// restarts it, as a restart policy or an operator does.
	if s.cfg.BusNodes > 1 || !p.Runs() || w.accepted(ctx, fullFor) != nil {
		s.hit = append(s.hit, "which had to be started again")
		p.Stop()
		if err := s.Bus.Start(mend); err != nil {
			return err
		}
	}
	if err := w.accepted(mend, patience); err != nil {
		return fmt.Errorf("after the disk had space again: %w", err)
	}
	return nil
}

// skip wraps an error that is due to the machine in errSkip.
func skip(err error) error {
	if errors.Is(err, cluster.ErrNoMount) {
		return fmt.Errorf("%w: %w", errSkip, err)
	}
	return err
}
