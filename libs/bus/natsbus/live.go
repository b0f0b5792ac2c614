package natsbus

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
)

// liveBuffer is how many live entries may wait in this process. A goroutine reads them and delivers
// them to the followers, which do not block.
const liveBuffer = 1 << 14

// liveReader receives the live entries of the followed rooms: one subscription at the server for
// each room, and one channel and goroutine for all of them.
type liveReader struct {
	b    *Driver
	msgs chan *nats.Msg
	slow atomic.Bool // entries were dropped since the channel was last seen empty
	kick chan struct{}

	mu   sync.Mutex
	subs map[string]*nats.Subscription // by room

	personal *nats.Subscription // to all personal rooms; nil until somebody watches them
}

func newLiveReader(b *Driver) *liveReader {
	return &liveReader{
		b:    b,
		msgs: make(chan *nats.Msg, liveBuffer),
		kick: make(chan struct{}, 1),
		subs: make(map[string]*nats.Subscription),
	}
}

// watchLeader starts a comparison of all rooms when the stream has a new leader: the old one may
// have stored entries without republishing them.
func (l *liveReader) watchLeader() error {
	leader := "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED." + l.b.names.stream
	_, err := l.b.liveConn.Subscribe(leader, func(*nats.Msg) {
		l.b.host.Suspect("the stream has a new leader")
		l.b.appends.resend() // what the old leader took and did not acknowledge
	})
	if err != nil {
		return fmt.Errorf("subscribe to leader elections: %w", err)
	}
	return nil
}

func (l *liveReader) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-l.msgs:
			l.deliver(m)
		case <-l.kick:
			l.check(ctx)
		}
		if l.slow.Load() && len(l.msgs) == 0 {
			// Not before the channel is empty: a comparison would miss what is dropped while it is
			// full.
			l.slow.Store(false)
			l.b.host.Suspect("this process was too slow for its live entries")
		}
	}
}

func (l *liveReader) deliver(m *nats.Msg) {
	room, ok := l.b.names.roomOf(l.b.names.live, m.Subject)
	seq := headerUint(m.Header, headerSeq)
	if !ok || seq == 0 {
		return
	}
	e := bus.Entry{Room: room, Seq: seq, Prev: headerUint(m.Header, headerLast), Data: m.Data}
	e.Sender, e.ID = splitKey(header(m.Header, headerID))
	l.b.metrics.Live.Inc()
	l.b.host.Deliver(e)
}

// lost is called by the client library before it connects again, so before anything comes over a
// new connection.
func (l *liveReader) lost() { l.b.host.Suspect("the connection was lost") }

// reconnected is called by the client library when it has sent the subscriptions again.
func (l *liveReader) reconnected() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// check starts a comparison of all rooms once the server has confirmed the subscriptions.
func (l *liveReader) check(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if err := l.b.liveConn.FlushWithContext(ctx); err != nil {
		l.b.log.Debug("the server has not confirmed the subscriptions; trying after the next reconnect", zap.Error(err))
	}
	l.b.host.Suspect("the connection is back")
}

// nudge publishes on a room's live subject that its log has an entry. It carries no entry: the
// engine reads the log.
func (a *appender) nudge(room string, seq uint64) {
	// if it is lost, the comparison after that finds the entry
	_ = a.b.main.PublishMsg(&nats.Msg{
		Subject: a.b.names.liveRoom(room),
		Header:  nats.Header{headerSeq: {strconv.FormatUint(seq, 10)}},
	})
}

// Subscribe implements driver.Rooms.
func (b *Driver) Subscribe(ctx context.Context, rooms []string) error {
	l, before := b.live, b.liveConn.LastError()
	l.mu.Lock()
	for _, room := range rooms {
		if l.subs[room] != nil {
			continue
		}
		sub, err := b.liveConn.ChanSubscribe(b.names.liveRoom(room), l.msgs)
		if err != nil {
			l.mu.Unlock()
			return b.retry.Fail("subscribe", err)
		}
		l.subs[room] = sub
	}
	l.mu.Unlock()
	err := b.confirmSubscriptions(ctx, before)
	if err != nil { // the server may not have registered them
		b.Unsubscribe(rooms)
	}
	return err
}

// confirmSubscriptions returns when the server has registered the subscriptions. See flush about
// before.
func (b *Driver) confirmSubscriptions(ctx context.Context, before error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := flush(ctx, b.liveConn, before); err != nil {
		return b.retry.Fail("subscribe", err)
	}
	return nil
}

// SubscribePersonal implements driver.Rooms.
func (b *Driver) SubscribePersonal(ctx context.Context) error {
	l, before := b.live, b.liveConn.LastError()
	l.mu.Lock()
	if l.personal == nil {
		sub, err := b.liveConn.ChanSubscribe(b.names.livePersonal(), l.msgs)
		if err != nil {
			l.mu.Unlock()
			return b.retry.Fail("subscribe", err)
		}
		l.personal = sub
	}
	l.mu.Unlock()
	err := b.confirmSubscriptions(ctx, before)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.personal != nil {
			_ = l.personal.Unsubscribe()
			l.personal = nil
		}
	}
	return err
}

// Unsubscribe implements driver.Rooms.
func (b *Driver) Unsubscribe(rooms []string) {
	l := b.live
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, room := range rooms {
		if sub := l.subs[room]; sub != nil {
			_ = sub.Unsubscribe() // fails only when the connection is closed
			delete(l.subs, room)
		}
	}
	if len(l.subs) == 0 { // a map never shrinks, so drop it
		l.subs = make(map[string]*nats.Subscription)
	}
}
