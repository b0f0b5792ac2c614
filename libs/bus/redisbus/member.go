package redisbus

import (
	"context"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/chat"
)

// member is one running Consume. Every member sends heartbeats, learns how many members there are,
// and takes its share of the leases. The partitions of a dead member become free when its leases
// expire. A mistake is safe: acknowledgements are written by compare-and-set.
type member struct {
	b     *Driver
	group string
	id    string
	held  driver.Held
	reads *clients // for reads that block
	stop  func() bool
}

// Join implements driver.Groups.
func (b *Driver) Join(ctx context.Context, group string, held driver.Held) (driver.Member, error) {
	o := *b.clients.options
	o.PoolSize = b.cfg.Partitions
	m := &member{b: b, group: group, id: chat.NewID(), held: held, reads: newClients(&o)}
	m.stop = context.AfterFunc(ctx, m.reads.close) // ends the reads that block
	return m, nil
}

// Refresh implements driver.Member.
func (m *member) Refresh(ctx context.Context) (<-chan struct{}, error) {
	attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	err := m.refresh(attempt)
	if err != nil {
		m.b.look(ctx)
	}
	return nil, err
}

func (m *member) refresh(ctx context.Context) error {
	alive, err := m.heartbeat(ctx)
	if err != nil {
		return err
	}
	if err := m.renew(ctx); err != nil {
		return err
	}
	total := m.b.cfg.Partitions
	share := (total + alive - 1) / alive
	m.held.GiveUp(share, func(driver.Partition) {})
	start := rand.IntN(total)
	for i := range total {
		n := (start + i) % total
		if all, _ := m.held.Count(); m.held.Has(n) || all >= share {
			continue
		}
		asked := time.Now()
		answers, err := m.b.batch(ctx, []step{m.leaseStep(n)})
		if err != nil {
			return err
		}
		if answers[0] != nil { // otherwise another member has the lease
			p := &partition{m: m, number: n}
			p.leased(asked)
			m.held.Assign(p)
		}
	}
	return nil
}

// heartbeat says that this member is alive, and returns how many are.
func (m *member) heartbeat(ctx context.Context) (int, error) {
	k := m.b.keys
	answers, err := m.b.batch(ctx, []step{{k.partition(m.group), memberScript, []string{k.members(m.group)}, []any{m.id, m.b.leaseTime().Milliseconds()}}})
	if err != nil {
		return 0, err
	}
	alive, ok := answers[0].(int64)
	if !ok || alive < 1 {
		return 0, errAnswer
	}
	return int(alive), nil
}

// renew extends the leases of all partitions of this member in one round trip.
func (m *member) renew(ctx context.Context) error {
	var steps []step
	var all []*partition
	m.held.Each(func(d driver.Partition) {
		p := d.(*partition)
		all = append(all, p)
		steps = append(steps, step{p.number, renewScript, []string{m.b.keys.lease(p.number, m.group)}, []any{m.id, m.b.leaseTime().Milliseconds()}})
	})
	asked := time.Now()
	answers, err := m.b.batch(ctx, steps)
	if err != nil {
		return err
	}
	for i, p := range all {
		switch answers[i] {
		case m.id:
			p.leased(asked)
		// it has expired, or is being released: the partition takes it again before it goes on
		case nil:
		default:
			m.held.Lose(p)
		}
	}
	return nil
}

// Leave implements driver.Member: the other members take over at their next look.
func (m *member) Leave() {
	defer m.reads.close()
	defer m.stop()
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	k := m.b.keys
	if err := m.b.at(k.partition(m.group)).ZRem(ctx, k.members(m.group), m.id).Err(); err != nil {
		m.b.log.Debug("could not leave the group; the other members will notice", zap.String("group", m.group), zap.Error(err))
	}
}
