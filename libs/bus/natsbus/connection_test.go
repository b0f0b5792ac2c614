package natsbus

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/natsembed"
)

func server(t *testing.T) *natsembed.Server {
	t.Helper()
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Port: natsembed.NoListener, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// gate is a way to a server that a test closes, with all connections, and opens again.
type gate struct {
	*natsembed.Server
	mu     sync.Mutex
	conns  []net.Conn
	closed bool
}

func (g *gate) InProcessConn() (net.Conn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errors.New("the gate is closed")
	}
	c, err := g.Server.InProcessConn()
	g.conns = append(g.conns, c)
	return c, err
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.conns = nil
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
}

func (b *trimming) ends(ctx context.Context, what string) {
	b.t.Helper()
	select {
	case <-ctx.Done():
		if !errors.Is(ctx.Err(), context.Canceled) {
			b.t.Errorf("%s ends with %v", what, ctx.Err())
		}
	case <-time.After(20 * time.Second):
		b.t.Fatal("waited in vain for the end of ", what)
	}
}

// TestLostConnection: what waits for an answer over a connection ends with it at once, also what
// was asked while there was none; both connections count when they are lost.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	g := &gate{Server: server(t)}
	b := &trimming{t: t, reg: prometheus.NewRegistry()}
	b.opened = openBoth(t, Config{InProcess: g}, b.reg)
	attempt, done := b.Driver.attempt(t.Context())
	defer done()
	g.close()
	b.ends(attempt, "a call")
	b.until("both connections are lost", func() bool {
		return b.metric("hubbub_bus_nats_disconnects_total") == 2 && b.Driver.main.IsReconnecting() && b.Driver.liveConn.IsReconnecting()
	})
	away := b.Driver.link.up()
	if away.Err() != nil {
		t.Error("a call that is made meanwhile has no time")
	}
	g.open()
	b.ends(away, "what was asked while the server was away")
	b.until("a new call has time", func() bool { return b.Driver.link.up().Err() == nil })
	b.say("room")
}

// late is a server that answers when whoever opens a bus has given up.
type late struct {
	*natsembed.Server
	giveUp func()
}

func (l late) InProcessConn() (net.Conn, error) {
	l.giveUp()
	return l.Server.InProcessConn()
}

// TestConnectedTooLate: a connection that comes about after Open has given up is closed.
func TestConnectedTooLate(t *testing.T) {
	t.Parallel()
	s := server(t)
	ctx, cancel := context.WithCancel(t.Context())
	if b, err := Open(ctx, Config{InProcess: late{s, cancel}}, nil, nil); !errors.Is(err, context.Canceled) {
		if err == nil {
			_ = b.Close()
		}
		t.Errorf("opening ends with %v", err)
	}
	for end := time.Now().Add(20 * time.Second); s.NumClients() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the server has %d connections", s.NumClients())
		}
	}
}

// TestNotConfirmed: what the server has not confirmed in time is no subscription.
func TestNotConfirmed(t *testing.T) {
	t.Parallel()
	s := server(t)
	d := openBoth(t, Config{InProcess: s}, nil).Driver
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	settle := func() uint32 { // returns how many subscriptions the server has
		t.Helper()
		if err := errors.Join(d.main.Flush(), d.liveConn.Flush()); err != nil {
			t.Fatal(err)
		}
		return s.NumSubscriptions()
	}
	before := settle()
	for what, call := range map[string]func() error{
		"a channel": func() error { _, err := d.Listen(ctx, "channel", func([]byte) {}); return err },
		"a service": func() error { _, err := d.Serve(ctx, "service", func(driver.Call) {}); return err },
		"rooms":     func() error { return d.Subscribe(ctx, []string{"a", "b"}) },
		"personal":  func() error { return d.SubscribePersonal(ctx) },
	} {
		if err := call(); err == nil {
			t.Errorf("%s: no error", what)
		}
		if now := settle(); now != before {
			t.Errorf("%s: the server has %d subscriptions, want %d", what, now, before)
		}
	}
}

// TestSuspectsOnce: after a burst that was too fast the rooms are compared once, when it has been
// read; and each time that the connection is back.
func TestSuspectsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := New(Config{}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		var reasons []string
		d.host = driver.Host{Life: t.Context(), Suspect: func(reason string) { reasons = append(reasons, reason) }}
		d.live = newLiveReader(d)
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			d.live.msgs <- &nats.Msg{Subject: "of no room"}
		}
		d.asyncError(zap.NewNop(), nil, nats.ErrSlowConsumer)
		go d.live.run(ctx)
		synctest.Wait()
		d.live.msgs <- &nats.Msg{Subject: "of no room"}
		synctest.Wait()
		if len(reasons) != 1 {
			t.Errorf("after a burst: %q", reasons)
		}
		d.live.reconnected()
		synctest.Wait()
		if len(reasons) != 2 {
			t.Errorf("after the connection is back: %q", reasons)
		}
		cancel()
		synctest.Wait()
	})
}

// TestLogIsRemoved: somebody removes the stream while everybody is connected. It is made anew, what
// waits is appended to it, and followers are told that what they know is gone.
func TestLogIsRemoved(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{})
	f := b.follow("room")
	last := b.say("room")
	b.until("it comes live", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.seqs) == 1 })
	if err := b.Driver.js.DeleteStream(t.Context(), b.Driver.names.stream); err != nil {
		t.Fatal(err)
	}
	if next := b.say("other"); next.Seq <= last.Seq {
		t.Errorf("Seq %d after %d", next.Seq, last.Seq)
	}
	b.until("the follower is told", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.rewinds+len(f.missed) > 0 })
}

// TestRepliesAreForgotten: nothing is left of requests that have been answered, or have not.
func TestRepliesAreForgotten(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{})
	b.say("room")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{t.Context(), gone} {
		if _, err := b.Driver.Heads(ctx, []string{"room", "other"}); err == nil != (ctx.Err() == nil) {
			t.Error(err)
		}
	}
	i := b.Driver.inbox
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.calls) > 0 {
		t.Errorf("%d calls are left", len(i.calls))
	}
}
