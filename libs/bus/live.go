package bus

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"

	"hubbub.internal/libs/bus/driver"
)

// Publish implements Live.
func (b *Bus) Publish(channel string, data []byte) error {
	err := b.check(cmp.Or(driver.CheckChannel(channel), checkData(data)))
	if err == nil {
		b.d.Publish(channel, data)
	}
	return err
}

// topics are the channels that this process listens to. All subscribers of a channel share one
// subscription of the driver's.
type topics struct {
	mu  sync.Mutex
	all map[string]*topic
}

// topic is one channel. topics.mu guards its fields, except err, which is set before opened is
// closed.
type topic struct {
	listeners []*listener   // never changed in place
	opened    chan struct{} // closed when the driver has answered
	err       error
	stop      func() // nil until then
}

// listener is one subscriber.
type listener struct {
	b       *Bus
	channel string
	handle  func([]byte)

	mu      sync.Mutex // held while handle runs, so that Stop waits for it
	stopped bool
}

// Subscribe implements Live.
func (b *Bus) Subscribe(ctx context.Context, channel string, handle func(data []byte)) (Subscription, error) {
	if err := b.check(driver.CheckChannel(channel)); err != nil {
		return nil, err
	}
	ctx, done := b.until(ctx)
	defer done()
	l := &listener{b: b, channel: channel, handle: handle}
	for {
		t, first := b.topics.join(l)
		if first {
			b.listen(ctx, t, channel)
		}
		select {
		case <-t.opened:
		case <-ctx.Done():
			l.Stop()
			return nil, b.retry.Fail("subscribe", ctx.Err())
		}
		if t.err == nil {
			if err := b.keep(l); err != nil {
				return nil, err
			}
			return l, nil
		}
		if first || ctx.Err() != nil {
			l.Stop()
			return nil, b.retry.Fail("subscribe", t.err)
		} // otherwise the subscriber that asked the driver has given up, and this one asks
	}
}

// join adds a listener to the topic of its channel. It reports whether it is the first, which has
// to ask the driver.
func (ts *topics) join(l *listener) (t *topic, first bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t = ts.all[l.channel]; t == nil {
		t, first = &topic{opened: make(chan struct{})}, true
		ts.all[l.channel] = t
	}
	t.listeners = append(slices.Clip(t.listeners), l)
	return t, first
}

// listen subscribes to a topic's messages at the driver.
func (b *Bus) listen(ctx context.Context, t *topic, channel string) {
	stop, err := b.d.Listen(ctx, channel, func(data []byte) { b.topics.receive(t, data) })
	b.topics.mu.Lock()
	defer b.topics.mu.Unlock()
	if t.stop, t.err = stop, err; err != nil && b.topics.all[channel] == t {
		delete(b.topics.all, channel)
	}
	close(t.opened)
}

func (ts *topics) receive(t *topic, data []byte) {
	ts.mu.Lock()
	all := t.listeners
	ts.mu.Unlock()
	for i, l := range all {
		mine := data
		if i < len(all)-1 {
			mine = bytes.Clone(data) // a handler may change it
		}
		l.mu.Lock()
		if !l.stopped {
			l.handle(mine)
		}
		l.mu.Unlock()
	}
}

// Stop implements Subscription.
func (l *listener) Stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	ts := &l.b.topics
	ts.mu.Lock()
	if t := ts.all[l.channel]; t != nil && slices.Contains(t.listeners, l) {
		t.listeners = slices.DeleteFunc(slices.Clone(t.listeners), func(o *listener) bool { return o == l })
		if len(t.listeners) == 0 {
			delete(ts.all, l.channel)
			if t.stop != nil {
				t.stop() // under mu: otherwise it could undo a later Listen
			}
		}
	}
	ts.mu.Unlock()
	l.b.forget(l)
}

// probes are the messages to itself that the bus waits for.
type probes struct {
	mu      sync.Mutex
	last    uint64
	waiting map[string]chan struct{}
}

// maxWays is more than the ways of any driver; see driver.Live.
const maxWays = 1024

// Probe implements Interface.
func (b *Bus) Probe(ctx context.Context) error {
	if err := b.check(nil); err != nil {
		return err
	}
	p, came := &b.probes, make(chan struct{}, maxWays)
	p.mu.Lock()
	p.last++
	token := strconv.FormatUint(p.last, 10)
	p.waiting[token] = came
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.waiting, token)
	}()
	ways, err := b.d.Probe(ctx, token)
	if err != nil {
		return b.retry.Fail("probe", err)
	}
	for range ways {
		select {
		case <-came:
		case <-ctx.Done():
			return b.retry.Fail("a message to ourselves did not come back", ctx.Err())
		case <-b.ctx.Done():
			return ErrClosed
		}
	}
	return nil
}

// returned notes that a probe has come back over one way.
func (p *probes) returned(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.waiting[token] <- struct{}{}:
	default:
	}
}
