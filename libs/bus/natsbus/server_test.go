package natsbus_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/natsbus"
	"hubbub.internal/libs/bus/natsembed"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serverDir); dir != "" {
		runServer(dir)
		return
	}
	if bustest.Member(openMember) {
		return
	}
	_ = flag.Set("test.parallel", "4") // they mostly wait; it is a flag that exists
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what has to come.
const patience = 30 * time.Second

// box holds a server that a test may stop and start again, and is where buses connect to.
type box struct {
	t      *testing.T
	dir    string
	listen bool // for other processes, too
	port   int

	mu sync.Mutex
	s  *natsembed.Server
}

func newBox(t *testing.T) *box {
	b := &box{t: t, dir: t.TempDir()}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *box) start() {
	b.t.Helper()
	port := natsembed.NoListener
	if b.listen {
		port = b.port
	}
	s, err := natsembed.Start(natsembed.Options{
		Dir: b.dir, Port: port, Log: zaptest.NewLogger(b.t, zaptest.Level(zap.WarnLevel)), Configure: roomy,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if b.listen {
		b.port = s.Addr().(*net.TCPAddr).Port
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.s = s
}

func (b *box) stop() {
	b.mu.Lock()
	s := b.s
	b.s = nil
	b.mu.Unlock()
	if s != nil {
		s.Shutdown()
	}
}

// InProcessConn implements nats.InProcessConnProvider.
func (b *box) InProcessConn() (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.s == nil {
		return nil, errors.New("the server is stopped")
	}
	return b.s.InProcessConn()
}

func (b *box) open(cfg natsbus.Config) *bus.Bus {
	b.t.Helper()
	cfg.InProcess = b
	bus, err := natsbus.Open(b.t.Context(), cfg, zaptest.NewLogger(b.t, zaptest.Level(zap.WarnLevel)), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = bus.Close() })
	return bus
}

func contextOf(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func entry(room string, i int) bus.NewEntry {
	return bus.NewEntry{Room: room, Sender: "sender", ID: fmt.Sprintf("id%d", i), Data: fmt.Appendf(nil, "data %d", i)}
}

func mustAppend(t *testing.T, b bus.Log, e bus.NewEntry) bus.Appended {
	t.Helper()
	got, err := bus.Append(within(t), b, e)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// appendMany appends n entries without waiting for each, and waits for all of them.
func appendMany(t *testing.T, b bus.Log, room string, n int) {
	t.Helper()
	underWay := make(chan struct{}, 1000) // each has its time from when it is called
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		underWay <- struct{}{}
		b.Append(entry(room, i), func(_ bus.Appended, err error) {
			if err != nil {
				t.Error(err)
			}
			<-underWay
			wg.Done()
		})
	}
	wg.Wait()
}

// recorder is a follower that keeps what it is told.
type recorder struct {
	mu      sync.Mutex
	got     []bus.Entry
	rewinds int
	missed  int
}

func (r *recorder) Entry(e bus.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Data = slices.Clone(e.Data)
	r.got = append(r.got, e)
}

func (r *recorder) Rewound(string, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rewinds++
	r.got = nil
}

func (r *recorder) Missed(string, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missed++
}

func (r *recorder) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]string, len(r.got))
	for i, e := range r.got {
		out[i] = e.ID
	}
	return out
}

func (r *recorder) rewound() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rewinds
}

// quiet checks that a follower was told of nothing but entries.
func (r *recorder) quiet(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rewinds+r.missed > 0 {
		t.Errorf("told of %d rewinds, and %d times that entries are missing", r.rewinds, r.missed)
	}
}

func followRoom(t *testing.T, b bus.Log, room string) *recorder {
	t.Helper()
	r := &recorder{}
	_, s, err := b.Follow(within(t), room, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return r
}

// readAll returns a room's whole log.
func readAll(t *testing.T, b bus.Log, room string) []bus.Entry {
	t.Helper()
	var all []bus.Entry
	var at bus.Position
	for {
		rep, err := b.Replay(within(t), room, at, 1000)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rep.Entries...)
		if !rep.More {
			return all
		}
		last := all[len(all)-1]
		at = bus.Position{Seq: last.Seq, ID: last.ID}
	}
}
