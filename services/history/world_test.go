package history

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/retention"
	"hubbub.internal/libs/sqlitedb/sqlitedbtest"
	"hubbub.internal/services/history/store"
	"hubbub.internal/services/history/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("the store is down")

// gated is a store that can be shut.
type gated struct {
	store.Store
	down    atomic.Bool // for everything
	readers atomic.Bool // may read all the same
	// called when changes of a message are counted, if it is there
	counting func()
	// called before a read position is begun, and after an inbox was read, if they are there
	beginning, looked atomic.Pointer[func()]
}

func (g *gated) BeginRead(ctx context.Context, room, user string, at, from uint64) error {
	if f := g.beginning.Load(); f != nil {
		(*f)()
	}
	return g.Store.BeginRead(ctx, room, user, at, from)
}

func (g *gated) Inbox(ctx context.Context, user string, rooms, hidden []string) ([]store.Inbox, error) {
	found, err := g.Store.Inbox(ctx, user, rooms, hidden)
	if f := g.looked.Load(); f != nil {
		(*f)()
	}
	return found, err
}

func (g *gated) Changes(ctx context.Context, room string, name store.Name, limit int) (int, int, error) {
	all, edits, err := g.Store.Changes(ctx, room, name, limit)
	if g.counting != nil {
		g.counting()
	}
	return all, edits, err
}

func (g *gated) write() error {
	if g.down.Load() {
		return errDown
	}
	return nil
}

func (g *gated) Append(ctx context.Context, e []store.Entry) (store.Outcome, error) {
	if err := g.write(); err != nil {
		return store.Outcome{}, err
	}
	return g.Store.Append(ctx, e)
}

func (g *gated) Last(ctx context.Context, room string) (bus.Position, error) {
	if g.down.Load() && !g.readers.Load() {
		return bus.Position{}, errDown
	}
	return g.Store.Last(ctx, room)
}

func (g *gated) Latest(ctx context.Context, room string, limit int) (bus.Position, []store.Entry, error) {
	if g.down.Load() && !g.readers.Load() {
		return bus.Position{}, nil, errDown
	}
	return g.Store.Latest(ctx, room, limit)
}

func (g *gated) PutRead(ctx context.Context, room, user string, seq uint64) (uint64, error) {
	if err := g.write(); err != nil {
		return 0, err
	}
	return g.Store.PutRead(ctx, room, user, seq)
}

// world is a history service on a bus, and on a real store.
type world struct {
	*Service
	t      testing.TB
	bus    bus.Interface
	server *membus.Server // of the bus, when open has started it
	end    func()         // ends the service, but not what it asks
	stop   func()
	store  *gated
	// forgets is how long the bus knows what was appended.
	forgets time.Duration
	deps    Deps // of the service
	api     *historyapi.Client
	key     ed25519.PrivateKey
	access  sync.Map     // "user room": may read
	gone    sync.Map     // user: has deleted the account
	rules   sync.Map     // room: retention.Effect
	removed sync.Map     // room: directoryapi.RemovedRequest, the last
	deaf    atomic.Int64 // so often the audit log cannot be told
	since   sync.Map     // room: int64, from when on it shows versions
	clock   atomic.Int64
}

// connect opens a bus connection, as a process would, and closes it with the test.
func connect(t testing.TB, s *membus.Server) bus.Interface {
	t.Helper()
	b := s.Open(api.RequiredGroups...)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// openBus connects to a server in memory of its own.
func openBus(t *testing.T) bus.Interface {
	t.Helper()
	return connect(t, membus.NewServer(membus.Options{}))
}

// schema makes the files of stores.
var schema = sqlitedbtest.Schema{Open: func(ctx context.Context, path string) (io.Closer, error) { return sqlite.Open(ctx, path, nil) }}

func openStore(t testing.TB, path string) *gated {
	t.Helper()
	schema.Make(t, path)
	s, err := sqlite.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &gated{Store: s}
}

// start runs a service; it is stopped by the function that is returned, or with the test.
func start(t testing.TB, b bus.Interface, s *gated) (*world, func()) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, bus: b, store: s, api: historyapi.NewClient(b), key: private}
	directory, err := api.Handle(t.Context(), b, directoryapi.ServiceAccess, nil, func(_ context.Context, r directoryapi.AccessRequest) (directoryapi.Access, error) {
		_, ok := w.access.Load(r.User + " " + r.Room)
		return directoryapi.Access{Read: ok}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	departed, err := api.Handle(t.Context(), b, directoryapi.ServiceDeparted, nil, func(_ context.Context, r directoryapi.DepartedRequest) (reply directoryapi.DepartedReply, _ error) {
		for _, user := range r.Users {
			if _, gone := w.gone.Load(user); gone {
				reply.Departed = append(reply.Departed, user)
			}
		}
		return reply, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := api.Handle(t.Context(), b, directoryapi.ServiceRetention, nil, func(_ context.Context, r directoryapi.RetentionRequest) (directoryapi.Retention, error) {
		out := directoryapi.Retention{Rooms: map[string]retention.Effect{}}
		for _, room := range r.Rooms {
			if e, ok := w.rules.Load(room); ok {
				out.Rooms[room] = e.(retention.Effect)
			}
		}
		return out, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	removed, err := api.Handle(t.Context(), b, directoryapi.ServiceRemoved, nil, func(_ context.Context, r directoryapi.RemovedRequest) (out directoryapi.RemovedReply, _ error) {
		if w.deaf.Add(-1) >= 0 {
			return out, errDown
		}
		w.removed.Store(r.Room, r)
		return out, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	versions, err := api.Handle(t.Context(), b, directoryapi.ServiceVersions, nil, func(_ context.Context, r directoryapi.VersionsRequest) (out directoryapi.Versions, _ error) {
		if since, ok := w.since.Load(r.Room); ok {
			out.Since = since.(int64)
		}
		return out, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cache := directoryapi.NewCache(b, zap.NewNop())
	w.deps = Deps{
		Bus: b, Store: s, Cache: cache, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
		Verifier: auth.NewVerifier(func(context.Context) ([]byte, error) {
			return auth.EncodeKeys([]auth.PublicKey{{ID: "k", Key: public}})
		}),
	}
	w.Service = over(w, b, s)
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	for _, run := range []func(context.Context) error{w.Run, cache.Run} {
		wait.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	w.end = func() {
		cancel()
		wait.Wait()
	}
	stop := sync.OnceFunc(func() {
		w.end()
		directory.Stop()
		departed.Stop()
		rules.Stop()
		removed.Stop()
		versions.Stop()
	})
	t.Cleanup(stop)
	w.stop = stop
	w.eventually("it serves", func() bool {
		return w.api.Sweep(t.Context()) == nil // which is served last
	})
	return w, stop
}

// over returns a service of the world over another bus and another store. It does not run.
func over(w *world, b bus.Interface, s store.Store) *Service {
	w.t.Helper()
	deps := w.deps
	deps.Bus, deps.Store = b, s
	service, err := New(Config{Search: true, MaxTail: 20_000, MaxEdits: 100, Pages: 8}, deps)
	if err != nil {
		w.t.Fatal(err)
	}
	w.deps.Metrics = nil // it has those of the first
	return service
}

func open(t *testing.T) *world {
	t.Helper()
	server := membus.NewServer(membus.Options{})
	w, _ := start(t, connect(t, server), openStore(t, filepath.Join(t.TempDir(), "history.db")))
	w.server, w.forgets = server, bus.DedupeWindow
	return w
}

// bubble runs a test in which time passes by itself whenever everybody waits for it: for what the
// bus forgets, and for pauses between tries.
func bubble(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, open(t)) })
}

func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	w.eventuallyIn(30, what, cond)
}

func (w *world) eventuallyIn(seconds time.Duration, what string, cond func() bool) {
	w.t.Helper()
	// Asked 15,000 times, also where it takes long: in a bubble, time passes at once.
	for deadline := time.Now().Add(seconds * time.Second); !cond(); time.Sleep(seconds * time.Second / 15_000) {
		if time.Now().After(deadline) {
			w.t.Fatalf("never: %s", what)
		}
	}
}

// missed asks for what an edge catches up with, again while nobody answers in time.
func (w *world) missed(r historyapi.SinceRequest) (got historyapi.Since) {
	w.t.Helper()
	w.eventually("an answer to history.since", func() bool {
		var err error
		if got, err = w.api.Since(w.t.Context(), r); err != nil && chat.CodeOf(err) != chat.CodeUnavailable {
			w.t.Fatal(err)
		}
		return err == nil
	})
	return got
}

// say appends a message as the edge does, and returns its Seq.
func (w *world) say(room, user, id, text string) uint64 {
	w.t.Helper()
	return w.event(chat.Event{Type: chat.TypeMsg, Room: room, User: user, Name: user, ID: id, Text: text})
}

func (w *world) event(e chat.Event) uint64 {
	w.t.Helper()
	e.TS = w.clock.Add(1)
	data, err := chat.AppendEntry(nil, e)
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := bus.Append(w.t.Context(), w.bus, bus.NewEntry{Room: e.Room, Sender: e.User, ID: e.ID, Data: data})
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Seq
}

// do has history apply an event, and returns the code of the error.
func (w *world) do(e chat.Event, change ...func(*historyapi.ApplyRequest)) (uint64, string) {
	w.t.Helper()
	e.TS = w.clock.Add(1)
	req := historyapi.ApplyRequest{Event: e}
	for _, c := range change {
		c(&req)
	}
	a, err := w.api.Apply(w.t.Context(), req)
	return a.Seq, chat.CodeOf(err)
}

func (w *world) page(req historyapi.PageRequest) historyapi.Page {
	w.t.Helper()
	p, err := w.api.Page(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// pageNow makes a page in the test's own goroutine, without its turn.
func (w *world) pageNow(req historyapi.PageRequest) (p historyapi.Page, err error) {
	w.t.Helper()
	data, err := w.Service.pages.build(w.t.Context(), req)
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	return p, err
}

func (w *world) stored(room string, seq uint64) {
	w.t.Helper()
	w.eventually("it is stored", func() bool {
		last, err := w.store.Last(w.t.Context(), room)
		return err == nil && last.Seq >= seq
	})
}

func texts(p historyapi.Page) string {
	var all []string
	for _, m := range p.Messages {
		all = append(all, m.Text)
	}
	return strings.Join(all, " ")
}
