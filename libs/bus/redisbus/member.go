package redisbus

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// member is one running Consume. Every member says regularly that it is alive, learns so how many
// there are, and takes as many leases as make its share. What a dead member had becomes free when
// its leases expire. Being wrong about that is safe: what is acknowledged is written by
// compare-and-set.
type member struct {
	b      *Bus
	group  string
	id     string
	handle func(context.Context, []bus.Entry) error
	log    *zap.Logger
	reads  *clients // for reads that block
	wg     sync.WaitGroup

	mu   sync.Mutex
	mine map[int]*partition
}

func newMember(b *Bus, group string, handle func(context.Context, []bus.Entry) error) *member {
	o := *b.clients.options
	o.PoolSize = b.cfg.Partitions
	return &member{
		b: b, group: group, id: chat.NewID(), handle: handle,
		log:   b.log.With(zap.String("group", group)),
		reads: newClients(&o),
		mine:  make(map[int]*partition),
	}
}

func (m *member) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, m.reads.close) // ends the reads that block
	defer stop()
	defer m.reads.close()
	defer m.leave()
	defer m.wg.Wait()
	for ctx.Err() == nil {
		if err := m.look(ctx); err != nil && ctx.Err() == nil {
			m.b.look(ctx)
			m.log.Debug("cannot look for partitions to read; trying again", zap.Error(err))
		}
		_ = await.Sleep(ctx, m.b.cfg.MemberEvery)
	}
}

// look says that this member is alive, renews its leases, and takes or gives up partitions to have
// its share.
func (m *member) look(ctx context.Context) error {
	attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	alive, err := m.show(attempt)
	if err != nil {
		return err
	}
	if err := m.renew(attempt); err != nil {
		return err
	}
	total := m.b.cfg.Partitions
	share := (total + alive - 1) / alive
	m.giveUp(share)
	start := rand.IntN(total)
	for i := range total {
		n := (start + i) % total
		if m.wants(n, share) {
			if err := m.take(ctx, attempt, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// show says that this member is alive, and returns how many are.
func (m *member) show(ctx context.Context) (int, error) {
	answers, err := m.b.batch(ctx, []step{{
		m.b.keys.partition(m.group), memberScript, []string{m.b.keys.members(m.group)}, []any{m.id, m.b.leaseTime().Milliseconds()},
	}})
	if err != nil {
		return 0, err
	}
	alive, ok := answers[0].(int64)
	if !ok || alive < 1 {
		return 0, errAnswer
	}
	return int(alive), nil
}

// leave takes this member off the list, so that the others take more at their next look.
func (m *member) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	if err := leaveScript.Run(ctx, m.b.at(m.b.keys.partition(m.group)), []string{m.b.keys.members(m.group)}, m.id).Err(); err != nil {
		m.log.Debug("could not leave the group; it will notice", zap.Error(err))
	}
}

// renew prolongs the leases of all partitions of this member in one round trip.
func (m *member) renew(ctx context.Context) error {
	m.mu.Lock()
	all := slices.Collect(maps.Values(m.mine))
	m.mu.Unlock()
	steps := make([]step, len(all))
	for i, p := range all {
		steps[i] = step{p.number, renewScript, []string{m.b.keys.lease(p.number, m.group)}, []any{m.id, m.b.leaseTime().Milliseconds()}}
	}
	asked := time.Now()
	answers, err := m.b.batch(ctx, steps)
	if err != nil {
		return err
	}
	for i, p := range all {
		switch answers[i] {
		case m.id:
			p.leased(asked)
		// it has expired, or is being released: the partition itself takes it again before it goes
		// on
		case nil:
		default:
			p.cancel(errLost)
		}
	}
	return nil
}

// giveUp has partitions beyond this member's share released when their batch in hand is done.
func (m *member) giveUp(share int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	over := -share
	for _, p := range m.mine {
		if !p.stopping() {
			over++
		}
	}
	for _, p := range m.mine {
		if over > 0 && !p.stopping() {
			close(p.stop)
			over--
		}
	}
}

func (m *member) wants(n, share int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mine[n] == nil && len(m.mine) < share
}

// take begins to read a partition until ctx ends, unless another member has the lease.
func (m *member) take(ctx, attempt context.Context, n int) error {
	asked := time.Now()
	answers, err := m.b.batch(attempt, []step{m.leaseStep(n)})
	if err != nil || answers[0] == nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	p := &partition{m: m, number: n, log: m.log.With(zap.Int("partition", n)), stop: make(chan struct{}), cancel: cancel}
	p.leased(asked)
	m.mu.Lock()
	m.mine[n] = p
	m.mu.Unlock()
	m.wg.Go(func() {
		defer cancel(nil)
		p.run(ctx)
		m.mu.Lock()
		delete(m.mine, n)
		m.mu.Unlock()
	})
	return nil
}
