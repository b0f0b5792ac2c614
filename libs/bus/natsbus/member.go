package natsbus

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
)

// A member takes the partitions that nobody reads, and those of dead members. A member counts as
// dead when nobody answers at its subject in two looks in a row, or when it does not answer in
// five. A mistake is safe, since offsets are written by compare-and-set. A member that has two
// partitions fewer than another asks it for one.
const (
	looksGone   = 2
	looksSilent = 5
	askTimeout  = time.Second
)

// member is one running Consume.
type member struct {
	b     *Driver
	group string
	id    string
	held  driver.Held
	log   *zap.Logger
	sub   *nats.Subscription
	up    context.Context // ends with the connection that the last look used
	// members that did not answer, and how often in a row; used by Refresh alone
	gone   map[string]int
	silent map[string]int
}

// Join implements driver.Groups.
func (b *Driver) Join(_ context.Context, group string, held driver.Held) (driver.Member, error) {
	m := &member{
		b: b, group: group, id: nats.NewInbox()[len(nats.InboxPrefix):], held: held, log: b.log.With(zap.String("group", group)),
		up: b.link.up(), gone: make(map[string]int), silent: make(map[string]int),
	}
	var err error
	m.sub, err = b.main.Subscribe(b.names.member+m.id, m.answer)
	return m, err
}

// Leave implements driver.Member.
func (m *member) Leave() { _ = m.sub.Unsubscribe() }

// Refresh implements driver.Member.
func (m *member) Refresh(ctx context.Context) (<-chan struct{}, error) {
	if m.up.Err() != nil { // other members reconnect too: one that is not back yet is not dead
		clear(m.gone)
		clear(m.silent)
	}
	m.up = m.b.link.up()
	owners, err := m.claimFree(ctx)
	if err == nil {
		m.balance(ctx, owners)
		err = m.wakeRedriven(ctx)
	}
	return m.up.Done(), err
}

// answer says that this member is alive; the request may ask for one of its partitions.
func (m *member) answer(q *nats.Msg) {
	all, staying := m.held.Count()
	if heir := string(q.Data); heir != "" && all > 1 {
		m.held.GiveUp(staying-1, func(p driver.Partition) { p.(*partition).heir.Store(&heir) })
	}
	_ = q.Respond([]byte(strconv.Itoa(all)))
}

// claimFree takes the partitions that nobody reads. It returns how many partitions each other
// member has.
func (m *member) claimFree(ctx context.Context) (owners map[string]int, err error) {
	owners = make(map[string]int)
	alive := make(map[string]bool)
	for n := range m.b.cfg.Partitions {
		if m.held.Has(n) {
			continue
		}
		at, revision, err := m.b.offset(ctx, m.group, n)
		if err != nil {
			return nil, err // the server is away
		}
		if o := at.Owner; o != "" && o != m.id {
			if _, asked := alive[o]; !asked {
				alive[o] = m.alive(ctx, o)
			}
			if alive[o] {
				owners[o]++
				continue
			}
			m.log.Info("taking over a partition from a dead member", zap.Int("partition", n))
		}
		at.Owner = m.id
		if revision, err = m.b.setOffset(ctx, m.group, n, at, revision); err != nil {
			m.log.Debug("could not take a partition", zap.Int("partition", n), zap.Error(err))
			continue
		}
		m.held.Assign(&partition{m: m, number: n, at: at, revision: revision, wake: make(chan struct{}, 1)})
	}
	return owners, nil
}

// alive reports whether a member counts as alive.
func (m *member) alive(ctx context.Context, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	_, err := m.b.main.RequestWithContext(ctx, m.b.names.member+id, nil)
	switch {
	case err == nil:
		delete(m.gone, id)
		delete(m.silent, id)
		return true
	case errors.Is(err, nats.ErrNoResponders):
		m.gone[id]++
	case errors.Is(err, context.DeadlineExceeded) && m.b.main.IsConnected():
		m.silent[id]++
	}
	return m.gone[id] < looksGone && m.silent[id] < looksSilent
}

// balance asks the member that has the most partitions for one, if it has two more than this one.
func (m *member) balance(ctx context.Context, owners map[string]int) {
	most, count := "", 0
	for id, n := range owners {
		if n > count {
			most, count = id, n
		}
	}
	have, _ := m.held.Count()
	if count < have+2 || m.gone[most]+m.silent[most] > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if _, err := m.b.main.RequestWithContext(ctx, m.b.names.member+most, []byte(m.id)); err != nil {
		m.log.Debug("a member did not answer when it was asked for a partition", zap.Error(err))
	}
}

// wakeRedriven wakes this member's partitions that have dead letters to redrive.
func (m *member) wakeRedriven(ctx context.Context) error {
	if all, _ := m.held.Count(); all == 0 {
		return nil
	}
	ctx, done := m.b.attempt(ctx)
	defer done()
	s, err := m.b.js.Stream(ctx, m.b.names.deadStream())
	if err != nil || s.CachedInfo().State.Msgs == 0 {
		return err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(m.b.names.again+m.group+".*"))
	if err != nil {
		return err
	}
	m.held.Each(func(d driver.Partition) {
		if p := d.(*partition); info.State.Subjects[m.b.names.redriven(m.group, p.number)] > 0 {
			select {
			case p.wake <- struct{}{}:
			default:
			}
		}
	})
	return nil
}
