package presence

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a real server of a bus, which can be stopped and started again.
type server struct {
	url         string
	stop, start func()
}

// onEveryBus runs a test on a redis-server and on a nats-server.
func onEveryBus(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		r := bustest.Redis(t)
		test(t, &server{url: r.URL(), stop: r.Kill, start: r.Start})
	})
	t.Run("nats", func(t *testing.T) {
		t.Parallel()
		options := natsembed.Options{Dir: t.TempDir()}
		n, err := natsembed.Start(options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Shutdown() })
		s := &server{url: n.URL(), stop: func() { n.Shutdown() }}
		options.Port = portOf(t, n.URL())
		s.start = func() {
			if n, err = natsembed.Start(options); err != nil {
				t.Fatal(err)
			}
		}
		test(t, s)
	})
}

// open opens a connection of its own, as a process would, and closes it when the test ends.
func (s *server) open(t *testing.T) bus.Interface {
	t.Helper()
	var cfg busurl.Config
	k, err := kong.New(&cfg, kong.Vars{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse([]string{"--bus", s.url}); err != nil {
		t.Fatal(err)
	}
	b, err := busurl.Open(t.Context(), cfg, zap.NewNop(), prometheus.NewRegistry(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// quick are the intervals of tests. Expiry is long enough that a busy machine makes no ghost of a
// living edge.
func quick() Config {
	return Config{
		EdgeHeartbeat: 200 * time.Millisecond, EdgeExpiry: 3 * time.Second, Flap: 200 * time.Millisecond,
		Coalesce: 20 * time.Millisecond, BigRoom: 1000, BigRoomEvery: 50 * time.Millisecond, Snapshots: 4,
	}
}

// everybody may read every room but "secret".
type everybody struct{}

func (everybody) Access(_ context.Context, user, room string) (directoryapi.Access, error) {
	return directoryapi.Access{Read: room != "secret" || user == "insider"}, nil
}

func (everybody) Known(context.Context) error { return nil }

// Revoked says that whoever is called "gone" has logged out.
func (everybody) Revoked(c auth.Claims) bool { return c.User == "gone" }

// startService runs a replica until the test ends, or stop is called.
func startService(t *testing.T, b bus.Interface, cfg Config, metrics *prometheus.Registry, v *auth.Verifier) (s *Service, stop func()) {
	t.Helper()
	if metrics == nil {
		metrics = prometheus.NewRegistry()
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := New(cfg, Deps{Bus: b, Log: zap.NewNop(), Metrics: metrics, Verifier: v, Access: everybody{}})
	if err != nil {
		t.Fatal(err)
	}
	return s, run(t, s.Run)
}

// run runs a component until the test ends, or stop is called.
func run(t *testing.T, component func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := component(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); wait.Wait() }
	t.Cleanup(stop)
	return stop
}

// edge has sessions and tells of them, as an edge does; it has no sockets.
type edge struct {
	t        *testing.T
	bus      bus.Interface
	reporter *presenceapi.Reporter
	stop     func() // in order, with a goodbye

	mu       sync.Mutex
	sessions map[uint64]presenceapi.Session
	last     uint64
}

func startEdge(t *testing.T, b bus.Interface, id string) *edge {
	t.Helper()
	e := &edge{t: t, bus: b, sessions: make(map[uint64]presenceapi.Session)}
	cfg := presenceapi.ReporterConfig{Edge: id, Flush: 20 * time.Millisecond, Heartbeat: quick().EdgeHeartbeat}
	e.reporter = presenceapi.NewReporter(b, cfg, e.snapshot)
	e.stop = run(t, e.reporter.Run)
	return e
}

func (e *edge) snapshot(yield func(presenceapi.Session) bool) {
	e.mu.Lock()
	all := slices.Collect(maps.Keys(e.sessions))
	e.mu.Unlock()
	// One by one, so that others change in between.
	for _, id := range all {
		e.mu.Lock()
		s, ok := e.sessions[id]
		e.mu.Unlock()
		if ok && !yield(s) {
			return
		}
	}
}

// kill ends the edge as kill -9 does: nobody is told.
func (e *edge) kill() { _ = e.bus.Close() }

func (e *edge) enter(user string, status presenceapi.Status, rooms ...string) uint64 {
	e.mu.Lock()
	e.last++
	s := presenceapi.Session{ID: e.last, User: user, Name: "Name of " + user, Device: "web", Status: status, Rooms: rooms, Since: time.Now().UnixMilli()}
	e.sessions[s.ID] = s
	e.mu.Unlock()
	e.reporter.Enter(s)
	return s.ID
}

func (e *edge) exit(id uint64) {
	e.mu.Lock()
	s := e.sessions[id]
	delete(e.sessions, id)
	e.mu.Unlock()
	e.reporter.Exit(s)
}

func (e *edge) update(id uint64, change func(*presenceapi.Session)) (before, after presenceapi.Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before = e.sessions[id]
	after = before
	after.Rooms = slices.Clone(before.Rooms)
	change(&after)
	e.sessions[id] = after
	return before, after
}

func (e *edge) setStatus(id uint64, status presenceapi.Status) {
	before, _ := e.update(id, func(s *presenceapi.Session) { s.Status = status })
	e.reporter.SetStatus(id, before.Status, status)
}

func (e *edge) join(id uint64, room string) {
	_, s := e.update(id, func(s *presenceapi.Session) { s.Rooms = append(s.Rooms, room) })
	e.reporter.Join(id, s.User, room)
}

func (e *edge) leave(id uint64, room string) {
	_, s := e.update(id, func(s *presenceapi.Session) {
		s.Rooms = slices.DeleteFunc(s.Rooms, func(r string) bool { return r == room })
	})
	e.reporter.Leave(id, s.User, room)
}

// online is who is in a room by the tables of the edges themselves.
func online(room string, edges ...*edge) presenceapi.Who {
	rank := []presenceapi.Status{presenceapi.Idle, presenceapi.Online, presenceapi.DND, presenceapi.Invisible}
	status := map[string]presenceapi.Status{}
	here := map[string]presenceapi.Person{}
	for _, e := range edges {
		e.mu.Lock()
		for _, s := range e.sessions {
			if slices.Index(rank, s.Status) > slices.Index(rank, status[s.User]) {
				status[s.User] = s.Status
			}
			if slices.Contains(s.Rooms, room) {
				here[s.User] = presenceapi.Person{User: s.User, Name: s.Name}
			}
		}
		e.mu.Unlock()
	}
	out := presenceapi.Who{Users: []presenceapi.Person{}}
	for _, p := range here {
		if p.Status = status[p.User]; p.Status != presenceapi.Invisible {
			out.Users = append(out.Users, p)
		}
	}
	slices.SortFunc(out.Users, func(a, b presenceapi.Person) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.User, b.User))
	})
	out.Count = len(out.Users)
	return out
}

// eventually waits until check returns nil.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	const patience = 30 * time.Second
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// agree waits until the replicas answer what the edges have.
func agree(t *testing.T, what string, rooms []string, replicas []*Service, edges ...*edge) {
	t.Helper()
	eventually(t, what, func() error {
		for i, s := range replicas {
			for _, room := range rooms {
				got, err := s.who(context.Background(), presenceapi.WhoRequest{Room: room, Limit: presenceapi.MaxLimit, After: presenceapi.FromStart})
				if err != nil {
					return fmt.Errorf("replica %d: %w", i, err)
				}
				if diff := gocmp.Diff(online(room, edges...), got); diff != "" {
					return fmt.Errorf("replica %d, room %s (-want +got): %s", i, room, diff)
				}
			}
		}
		return nil
	})
}

func ready(t *testing.T, replicas ...*Service) {
	t.Helper()
	eventually(t, "ready", func() error {
		for _, s := range replicas {
			if err := s.Ready(t.Context()); err != nil {
				return err
			}
		}
		return nil
	})
}
