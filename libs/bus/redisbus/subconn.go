package redisbus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
)

const (
	// subscribeChunk is how many channels one command names.
	subscribeChunk = 512
	pingEvery      = 5 * time.Second
	// silence is how long a connection may be silent, without even a pong, before it counts as
	// dead.
	silence     = 12 * time.Second
	redialPause = 50 * time.Millisecond
	redialMax   = 2 * time.Second
)

// errUnasked says that the server ended or began a subscription that we did not ask about: a slot
// moved, or somebody reset the connection. From then on only what a new connection confirms is
// certain.
var errUnasked = errors.New("the server changed a subscription without being asked")

// errMoved says that another server has the partition now.
var errMoved = errors.New("the partition moved to another server")

// subConn keeps subscriptions to channels over one connection at a time, to the server that has a
// partition. When the connection is lost, subConn subscribes to all channels again on a new one.
// The client library's PubSub could do so by itself, but does not report it; here every session has
// its own, which may dial once.
type subConn struct {
	b         *Driver
	name      string
	partition int
	wake      chan struct{} // the writer has something to send
	lost      func(reason string)
	back      func() // called when every channel is confirmed on a new connection

	heard bool // the connection has received something; used by run only

	mu       sync.Mutex
	channels map[string]*channel
	peak     int        // the most channels since the map was made
	todo     []*channel // channels that the writer has to look at
	behind   int        // channels of the last connection that are not yet confirmed on this one
	why      error      // why the last connection failed; nil once this one has confirmed a channel
}

// channel is a channel that is, was, or will be subscribed to. At most one command about it is in
// flight, so each answer belongs to one command. The connection's mu guards its fields.
type channel struct {
	name      string
	handle    func(channel, message string)
	wanted    bool
	state     state
	behind    bool          // counted in subConn.behind
	confirmed chan struct{} // closed when the state becomes on; nil while nobody waits
}

type state uint8

const (
	off state = iota
	asked
	on
	leaving
)

func newSubConn(b *Driver, name string, partition int) *subConn {
	nothing := func() {}
	return &subConn{
		b: b, name: name, partition: partition,
		wake: make(chan struct{}, 1), lost: func(string) {}, back: nothing,
		channels: make(map[string]*channel),
	}
}

// want subscribes to channels, and returns what is closed when the server has confirmed them.
func (f *subConn) want(names []string, handle func(channel, message string)) (wait []<-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range names {
		c := f.channels[n]
		if c == nil {
			c = &channel{name: n}
			f.channels[n] = c
			f.todo = append(f.todo, c)
		}
		f.peak = max(f.peak, len(f.channels))
		c.wanted, c.handle = true, handle
		if c.state == on {
			continue
		}
		if c.confirmed == nil {
			c.confirmed = make(chan struct{})
		}
		wait = append(wait, c.confirmed)
	}
	f.poke()
	return wait
}

// unsubscribe ends the subscriptions, without waiting for the server.
func (f *subConn) unsubscribe(names []string) {
	f.mu.Lock()
	for _, n := range names {
		if c := f.channels[n]; c != nil {
			c.wanted = false
			f.todo = append(f.todo, c)
		}
	}
	f.mu.Unlock()
	f.poke()
}

func (f *subConn) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run keeps a connection until ctx ends.
func (f *subConn) run(ctx context.Context) {
	pause := redialPause
	for first := true; ; first = false {
		f.heard = false
		err := f.session(ctx, first)
		if ctx.Err() != nil {
			return
		}
		f.failed(err)
		if f.heard {
			f.b.metrics.Disconnects.Inc()
			f.b.log.Warn("lost the subscribed connection to Redis; connecting again", zap.String("for", f.name), zap.Error(err))
			f.lost("the connection was lost") // before anything arrives over a new connection
			pause = redialPause
		} else {
			f.b.log.Debug("cannot connect to Redis; trying again", zap.String("for", f.name), zap.Error(err))
		}
		f.b.look(ctx)
		if await.Sleep(ctx, pause) != nil {
			return
		}
		pause = min(2*pause, redialMax)
	}
}

func (f *subConn) failed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.why = err
}

// reason returns why there is no connection; nil: there is one, as far as is known.
func (f *subConn) reason() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.why
}

// session subscribes to all channels over one new connection, and reads it until it fails or ctx
// ends.
func (f *subConn) session(ctx context.Context, first bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	addr, changed := f.b.topology.at(f.partition)
	client, hangUp := f.b.dialOnce(addr)
	defer client.Close()
	pubsub := client.SSubscribe(ctx)
	defer pubsub.Close()
	stop := context.AfterFunc(ctx, hangUp) // ends a blocked read or write
	defer stop()
	if n := f.reset(); n == 0 && !first {
		f.back()
	}
	var wg sync.WaitGroup
	wg.Go(func() { cancel(f.stay(ctx, addr, changed)) })
	wg.Go(func() { cancel(f.write(ctx, pubsub, first)) })
	cancel(f.read(ctx, pubsub, first))
	wg.Wait()
	return context.Cause(ctx)
}

// stay waits until another server has the partition, or ctx ends. The old server may run and stay
// silent: cut off from the others, or a replica by now.
func (f *subConn) stay(ctx context.Context, addr string, changed <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
		var now string
		if now, changed = f.b.topology.at(f.partition); now != addr {
			return errMoved
		}
	}
}

// reset forgets the state of an earlier connection, and marks all wanted channels to be subscribed.
// It returns how many there are.
func (f *subConn) reset() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.todo, f.behind = nil, 0
	for n, c := range f.channels {
		if !c.wanted {
			delete(f.channels, n)
			continue
		}
		c.state, c.behind = off, true
		f.behind++
		f.todo = append(f.todo, c)
	}
	f.poke()
	return f.behind
}

// write sends subscribe and unsubscribe commands, and pings, until ctx ends or a write fails.
func (f *subConn) write(ctx context.Context, pubsub *redis.PubSub, first bool) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		subscribe, unsubscribe, all := f.due()
		if all && !first {
			f.back()
		}
		if err := inChunks(ctx, subscribe, pubsub.SSubscribe); err != nil {
			return err
		}
		if err := inChunks(ctx, unsubscribe, pubsub.SUnsubscribe); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.wake:
		case <-ping.C:
			if err := pubsub.Ping(ctx); err != nil {
				return err
			}
		}
	}
}

func inChunks(ctx context.Context, names []string, send func(context.Context, ...string) error) error {
	for len(names) > 0 {
		n := min(len(names), subscribeChunk)
		if err := send(ctx, names[:n]...); err != nil {
			return err
		}
		names = names[n:]
	}
	return nil
}

// due returns the channels to write about now. It reports whether the last unconfirmed channel of a
// lost connection is not wanted any more.
func (f *subConn) due() (subscribe, unsubscribe []string, all bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.todo {
		switch {
		case c.wanted && c.state == off:
			c.state = asked
			subscribe = append(subscribe, c.name)
		case !c.wanted && c.state == on:
			c.state = leaving
			unsubscribe = append(unsubscribe, c.name)
		case !c.wanted && c.state == off:
			if f.channels[c.name] == c {
				delete(f.channels, c.name)
			}
			all = f.caughtUp(c) || all
		}
	}
	f.todo = nil
	// a map never shrinks, so make a new one
	if f.peak > 1024 && len(f.channels) < f.peak/8 {
		f.channels = maps.Collect(maps.All(f.channels))
		f.peak = len(f.channels)
	}
	return subscribe, unsubscribe, all
}

// caughtUp notes that a channel of the last connection is settled, and reports whether it was the
// last of them. f.mu is held.
func (f *subConn) caughtUp(c *channel) bool {
	if !c.behind {
		return false
	}
	c.behind = false
	f.behind--
	return f.behind == 0
}

// read handles what the server sends until ctx ends or the connection fails.
func (f *subConn) read(ctx context.Context, pubsub *redis.PubSub, first bool) error {
	for {
		m, err := pubsub.ReceiveTimeout(ctx, silence)
		if err != nil {
			return err
		}
		f.heard = true
		switch m := m.(type) {
		case *redis.Message:
			f.mu.Lock()
			c := f.channels[m.Channel]
			var handle func(channel, message string)
			if c != nil && c.wanted {
				handle = c.handle
			}
			f.mu.Unlock()
			if handle != nil {
				handle(m.Channel, m.Payload)
			}
		case *redis.Subscription:
			all, err := f.answered(m)
			if err != nil {
				return err
			}
			if all && !first {
				f.back()
			}
		}
	}
}

// answered handles the server's confirmation that a subscription began or ended. It reports whether
// that was the last one of a lost connection.
func (f *subConn) answered(m *redis.Subscription) (all bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.channels[m.Channel]
	switch {
	case c != nil && m.Kind == "ssubscribe" && c.state == asked:
		c.state, f.why = on, nil
		if c.confirmed != nil {
			close(c.confirmed)
			c.confirmed = nil
		}
		all = f.caughtUp(c)
		if !c.wanted {
			f.todo = append(f.todo, c)
			f.poke()
		}
	case c != nil && m.Kind == "sunsubscribe" && c.state == leaving:
		c.state = off
		f.todo = append(f.todo, c) // to be dropped, or wanted again by now
		f.poke()
	default:
		return false, fmt.Errorf("%w: %s %s", errUnasked, m.Kind, m.Channel)
	}
	return all, nil
}
