package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
)

// A member takes the partitions that nobody reads, and those of members that are gone: nobody
// answers at their subject for two looks in a row, or they do not answer at all for five. Being
// wrong about that is safe, since offsets are written by compare-and-set. A member that has two
// partitions less than another asks it for one.
const (
	looksGone   = 2
	looksSilent = 5
	askTimeout  = time.Second
)

// member is one running Consume.
type member struct {
	b      *Bus
	group  string
	id     string
	handle func(context.Context, []bus.Entry) error
	log    *zap.Logger
	wg     sync.WaitGroup
	gone   map[string]int // members that nobody answered for, and how often; used by run alone
	silent map[string]int

	mu   sync.Mutex
	mine map[int]*partition
}

func newMember(b *Bus, group string, handle func(context.Context, []bus.Entry) error) *member {
	id := nats.NewInbox()[len(nats.InboxPrefix):]
	return &member{
		b: b, group: group, id: id, handle: handle,
		log:    b.log.With(zap.String("group", group)),
		gone:   make(map[string]int),
		silent: make(map[string]int),
		mine:   make(map[int]*partition),
	}
}

func (m *member) run(ctx context.Context) error {
	sub, err := m.b.main.Subscribe(m.b.names.member+m.id, m.answer)
	if err != nil {
		return m.b.fail("consume", err)
	}
	defer m.wg.Wait()
	defer func() { _ = sub.Unsubscribe() }()
	for {
		up := m.b.link.up()
		m.look(ctx)
		m.lookAgain(ctx)
		t := time.NewTimer(m.b.cfg.MemberEvery)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-up.Done(): // others come back too: whoever is not there yet is not gone
			clear(m.gone)
			clear(m.silent)
			_ = await.Sleep(ctx, retryPause)
		}
		t.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// answer says that this member is alive; the request may ask for one of its partitions.
func (m *member) answer(q *nats.Msg) {
	m.mu.Lock()
	n := len(m.mine)
	if heir := string(q.Data); heir != "" && n > 1 {
		for _, p := range m.mine {
			if !p.stopping() {
				p.heir = heir
				close(p.stop)
				break
			}
		}
	}
	m.mu.Unlock()
	_ = q.Respond([]byte(strconv.Itoa(n)))
}

// look takes what can be taken.
func (m *member) look(ctx context.Context) {
	owners := make(map[string]int) // how many partitions each other member has
	alive := make(map[string]bool)
	for n := range m.b.cfg.Partitions {
		if ctx.Err() != nil {
			return
		}
		if m.has(n) {
			continue
		}
		at, revision, err := m.b.offset(ctx, m.group, n)
		if err != nil {
			m.log.Debug("cannot read an offset", zap.Int("partition", n), zap.Error(err))
			return // the server is away
		}
		if o := at.Owner; o != "" && o != m.id {
			if _, asked := alive[o]; !asked {
				alive[o] = m.alive(ctx, o)
			}
			if alive[o] {
				owners[o]++
				continue
			}
			m.log.Info("taking over a partition from a member that is gone", zap.Int("partition", n))
		}
		m.take(ctx, n, at, revision)
	}
	m.balance(ctx, owners)
}

func (m *member) has(n int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mine[n] != nil
}

// alive reports whether a member is to be taken for alive.
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

// take makes a partition this member's and starts to read it.
func (m *member) take(ctx context.Context, n int, at offset, revision uint64) {
	at.Owner = m.id
	revision, err := m.b.setOffset(ctx, m.group, n, at, revision)
	if err != nil {
		m.log.Debug("could not take a partition", zap.Int("partition", n), zap.Error(err))
		return
	}
	p := &partition{
		m: m, number: n, at: at, revision: revision,
		log:  m.log.With(zap.Int("partition", n)),
		stop: make(chan struct{}), again: make(chan struct{}, 1),
	}
	m.mu.Lock()
	m.mine[n] = p
	m.mu.Unlock()
	m.wg.Go(func() {
		p.run(ctx)
		m.mu.Lock()
		delete(m.mine, n)
		m.mu.Unlock()
	})
}

// balance asks the member that has the most partitions for one, if it has two more than this one.
func (m *member) balance(ctx context.Context, owners map[string]int) {
	most, count := "", 0
	for id, n := range owners {
		if n > count {
			most, count = id, n
		}
	}
	m.mu.Lock()
	have := len(m.mine)
	m.mu.Unlock()
	if count < have+2 || m.gone[most]+m.silent[most] > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if _, err := m.b.main.RequestWithContext(ctx, m.b.names.member+most, []byte(m.id)); err != nil {
		m.log.Debug("a member did not answer", zap.Error(fmt.Errorf("ask for a partition: %w", err)))
	}
}
