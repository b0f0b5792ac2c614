package natsbus_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/natsbus"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/freeport"
)

// cluster is three servers in this process.
type cluster struct {
	t       *testing.T
	dirs    []string
	routes  []*url.URL
	servers []*natsembed.Server
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, servers: make([]*natsembed.Server, 3)}
	for range c.servers {
		addr, err := freeport.Addr() // the servers have to know each other's
		if err != nil {
			t.Fatal(err)
		}
		c.routes = append(c.routes, &url.URL{Scheme: "nats", Host: addr})
		c.dirs = append(c.dirs, t.TempDir())
	}
	var wg sync.WaitGroup
	for i := range c.servers {
		wg.Go(func() { c.start(i) })
	}
	wg.Wait()
	t.Cleanup(func() {
		for _, s := range c.servers {
			if s != nil {
				s.Shutdown()
			}
		}
	})
	return c
}

func (c *cluster) start(i int) {
	s, err := natsembed.Start(natsembed.Options{Dir: c.dirs[i], Configure: func(o *server.Options) {
		inCluster(o, fmt.Sprint("s", i), append([]*url.URL{c.routes[i]}, c.routes...)...)
	}})
	if err != nil {
		c.t.Error(err)
		return
	}
	c.servers[i] = s
}

// inCluster makes a server one of a cluster, with its own address for the others before those of
// all.
func inCluster(o *server.Options, name string, routes ...*url.URL) {
	o.ServerName = name
	o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port(routes[0])}
	o.Routes = routes[1:]
}

func port(u *url.URL) int {
	var p int
	_, _ = fmt.Sscan(u.Port(), &p)
	return p
}

// open connects to one of the servers first.
func (c *cluster) open(i int, cfg natsbus.Config) *bus.Bus {
	c.t.Helper()
	urls := c.servers[i].URL()
	for k := range c.servers {
		if k != i {
			urls += "," + c.servers[k].URL()
		}
	}
	cfg.Servers, cfg.Replicas, cfg.OpenTimeout = urls, 3, patience
	cfg.Options = append(cfg.Options, nats.DontRandomize())
	b, err := natsbus.Open(c.t.Context(), cfg,
		zaptest.NewLogger(c.t, zaptest.Level(zap.ErrorLevel)), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = b.Close() })
	return b
}

// leader returns the index of the server that leads the stream, or -1.
func (c *cluster) leader() int {
	for i, s := range c.servers {
		if s != nil && s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, "HUB") {
			return i
		}
	}
	return -1
}

// TestCluster has many senders append while the stream's leader steps down and dies, and while
// rooms are joined. Every entry is in the log once, in its sender's order, and every follower gets
// all of the log after its head.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	eventually(t, "the cluster has formed", c.formed)
	b0, b1, b2 := c.open(0, natsbus.Config{}), c.open(1, natsbus.Config{}), c.open(2, natsbus.Config{})

	const rooms, senders = 4, 8
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	sent := make([]int, senders)
	var total atomic.Int64
	for s := range senders {
		wg.Go(func() {
			room := fmt.Sprint("room", s%rooms)
			for ; ctx.Err() == nil; sent[s]++ {
				total.Add(1)
				e := bus.NewEntry{Room: room, Sender: fmt.Sprint("s", s), ID: fmt.Sprint(sent[s])}
				for {
					_, err := bus.Append(context.Background(), b0, e) // ends within AppendTimeout
					if err == nil {
						break
					}
					if !errors.Is(err, bus.ErrUnavailable) {
						t.Error(err)
						return
					}
				}
			}
		})
	}

	type joined struct {
		room string
		head uint64
		r    *recorder
	}
	var all []joined
	join := func() {
		for i := range rooms * 5 {
			b := []*bus.Bus{b0, b1, b2}[i%3]
			room := fmt.Sprint("room", i%rooms)
			r := &recorder{}
			ctx, cancel := context.WithTimeout(ctx, patience)
			head, s, err := b.Follow(ctx, room, r)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Stop)
			all = append(all, joined{room, head, r})
			if i%4 == 0 { // so that the next one has to subscribe again
				s.Stop()
				all = all[:len(all)-1]
			}
		}
	}
	goOn := func() {
		n := total.Load()
		eventually(t, "appends go on", func() bool { return total.Load() > n+200 })
	}
	join()
	for range 5 {
		goOn()
		stepDown(t, c)
		join()
	}
	goOn()
	if l := c.leader(); l >= 0 {
		c.servers[l].Shutdown()
		c.servers[l] = nil
		join()
		goOn()
		c.start(l)
	}
	goOn()
	join()
	cancel()
	wg.Wait()

	logs := make(map[string][]bus.Entry)
	for i := range rooms {
		room := fmt.Sprint("room", i)
		logs[room] = readAll(t, b1, room)
	}
	next := make(map[string]int)
	for _, log := range logs {
		for _, e := range log {
			if e.ID != fmt.Sprint(next[e.Sender]) {
				t.Fatalf("sender %s: entry %s where %d was due", e.Sender, e.ID, next[e.Sender])
			}
			next[e.Sender]++
		}
	}
	for s, n := range sent {
		if next[fmt.Sprint("s", s)] != n {
			t.Errorf("sender %d: %d of %d acknowledged entries are in the log", s, next[fmt.Sprint("s", s)], n)
		}
	}
	for i, j := range all {
		var want []uint64
		for _, e := range logs[j.room] {
			if e.Seq > j.head {
				want = append(want, e.Seq)
			}
		}
		eventually(t, "a follower has everything", func() bool { return len(j.r.seqs()) >= len(want) })
		if got := j.r.seqs(); !slices.Equal(got, want) || j.r.rewound() != 0 {
			t.Errorf("follower %d of %s: %d entries and %d rewinds, want %d", i, j.room, len(got), j.r.rewound(), len(want))
		}
	}
	t.Logf("%d entries, %d followers", func() (n int) {
		for _, l := range logs {
			n += len(l)
		}
		return n
	}(), len(all))
}

func (r *recorder) seqs() []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]uint64, len(r.got))
	for i, e := range r.got {
		out[i] = e.Seq
	}
	return out
}

// formed reports whether all servers know of each other and of a leader.
func (c *cluster) formed() bool {
	for _, s := range c.servers {
		if s == nil || !s.JetStreamIsCurrent() || len(s.JetStreamClusterPeers()) < 3 && s.JetStreamIsLeader() {
			return false
		}
	}
	return true
}

// stepDown has the stream's leader hand over, and waits for the next.
func stepDown(t *testing.T, c *cluster) {
	t.Helper()
	was := c.leader()
	nc := connect(t, c.servers[0])
	_, err := nc.Request("$JS.API.STREAM.LEADER.STEPDOWN.HUB", nil, 5*time.Second)
	if err != nil {
		t.Logf("step down: %v", err)
	}
	eventually(t, "there is a new leader", func() bool { l := c.leader(); return l >= 0 && (l != was || err != nil) })
}

// TestOpenWhileClusterForms opens a bus before the servers have a leader, who alone answers.
func TestOpenWhileClusterForms(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	b := c.open(0, natsbus.Config{})
	if _, err := bus.Append(within(t), b, entry("room", 0)); err != nil {
		t.Fatal(err)
	}
}

// TestOpenTogether has many processes open the bus of a new cluster at the same time: each needs
// the same streams.
func TestOpenTogether(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	eventually(t, "the cluster has formed", c.formed)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			b, err := natsbus.Open(t.Context(), natsbus.Config{
				Servers: c.servers[i%len(c.servers)].URL(), Replicas: 3, Groups: []string{"history"}, OpenTimeout: patience,
			}, zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel)), nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer b.Close()
			if _, err := bus.Append(within(t), b, entry(fmt.Sprint("room", i), 0)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestFullCluster holds that a log which takes no more can still be read and followed.
func TestFullCluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	eventually(t, "the cluster has formed", c.formed)
	b := c.open(0, natsbus.Config{Groups: []string{"history"}, MaxBytes: 1 << 20})
	e := entry("room", 0)
	e.Data = make([]byte, 50_000)
	appended := 0
	for ; ; appended++ {
		e.ID = fmt.Sprint("id", appended)
		if _, err := bus.Append(within(t), b, e); errors.Is(err, bus.ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	e.Data = nil // the stream is full to the last byte
	for i := range 1_000_000 {
		e.ID = fmt.Sprint("small", i)
		if _, err := bus.Append(within(t), b, e); errors.Is(err, bus.ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		appended++
	}
	if got := len(readAll(t, b, "room")); got != appended {
		t.Errorf("read %d of %d entries", got, appended)
	}
	followRoom(t, b, "room")
	read, stop := consume(t, b, "history")
	eventually(t, "everything is consumed", func() bool { return read.Load() == int64(appended) })
	stop()
}
