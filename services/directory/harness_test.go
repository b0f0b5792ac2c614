package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/sqlitedb/sqlitedbtest"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/memory"
	"hubbub.internal/services/directory/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config() Config {
	return Config{
		TokenLife: 15 * time.Minute, SessionLife: time.Hour, KeyLife: 24 * time.Hour, Guests: true, Registration: true, ShowModeration: true,
		HashMemory: 64, HashTime: 1, HashParallel: 2, LoginAttempts: 5, RoomsDay: 1000, GuestPublic: 1000, DirectHour: 1000, DirectDay: 1000, GuestDirect: 1000, AuditKeep: 24 * time.Hour, AccountRate: 1000, AccountDay: 100_000, GuestLife: time.Hour, GuestNetwork: 24 * time.Hour, ChangeRate: 1000,
		GuestMay: []string{"invite", "make-room", "open-direct", "publish", "react", "report", "send"}, RefreshGrace: time.Minute, UserSessions: 50, ListUsers: true,
		TrustedProxies: []string{"192.0.2.0/24"}, Digest: "daily", DigestAfter: time.Hour,
	}
}

// world is a directory service on a bus and a store.
type world struct {
	*Service
	t       *testing.T
	connect connect // to the bus
	store   *faulty
	stop    func()

	server *membus.Server // those of openWorld, for their faults
	memory *memory.Store
}

// connect opens a bus connection of its own, as a process would, which is closed with the test.
type connect func(t *testing.T) bus.Interface

// openWorld starts a service on a bus and a store in memory.
func openWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	server, kept := membus.NewServer(membus.Options{}), memory.New()
	w := start(t, cfg, onServer(server), newFaulty(kept))
	w.server, w.memory = server, kept
	return w
}

// openRealWorld starts a service on a bus server that is reached over TCP, and on a file.
func openRealWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	return start(t, cfg, onNATS(t), openStore(t))
}

func onServer(s *membus.Server) connect {
	return func(t *testing.T) bus.Interface {
		t.Helper()
		b := s.Open()
		t.Cleanup(func() { _ = b.Close() })
		return b
	}
}

func onNATS(t *testing.T) connect {
	t.Helper()
	server, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	return func(t *testing.T) bus.Interface {
		t.Helper()
		b, err := busurl.Open(t.Context(), busurl.Config{
			Bus: server.URL(), BusMaxAge: time.Hour, BusMaxBytes: 1 << 28, BusPartitions: 1, BusReplicas: 1, BusTimeout: 20 * time.Second,
		}, zap.NewNop(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		return b
	}
}

// never is so long that housekeeping is done at the start, and then only by the test.
const never = time.Hour

// schema makes the files of stores.
var schema = sqlitedbtest.Schema{Open: func(ctx context.Context, path string) (io.Closer, error) { return sqlite.Open(ctx, path, nil) }}

// openStore opens a file.
func openStore(t *testing.T) *faulty {
	t.Helper()
	path := filepath.Join(t.TempDir(), "directory.db")
	schema.Make(t, path)
	s, err := sqlite.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return newFaulty(s)
}

// run starts a service on a bus connection of its own, which keeps house every so often. It may not
// be prepared yet.
func run(t *testing.T, cfg Config, bus connect, s *faulty, every time.Duration) *world {
	t.Helper()
	return runLogging(t, cfg, bus, s, every, zap.NewNop())
}

// runLogging is run with a log.
func runLogging(t *testing.T, cfg Config, bus connect, s *faulty, every time.Duration, log *zap.Logger) *world {
	t.Helper()
	svc, err := New(cfg, Deps{Bus: bus(t), Store: s, Log: log, Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	svc.every = every
	w := &world{Service: svc, t: t, connect: bus, store: s}
	w.stop = background(t, svc.Run)
	return w
}

// start starts a service and waits until it serves.
func start(t *testing.T, cfg Config, bus connect, s *faulty) *world {
	t.Helper()
	w := run(t, cfg, bus, s, never)
	w.serves()
	return w
}

// serves waits until a service serves.
func (w *world) serves() {
	w.t.Helper()
	w.eventually("it serves", func() bool {
		// the last of its methods: the others are there before
		err := directoryapi.NewClient(w.bus).Lapsed(w.t.Context(), directoryapi.LapsedRequest{})
		return err == nil && w.Ready(w.t.Context()) == nil
	})
}

// background runs what runs until its context ends; it is stopped by the result, or with the test.
func background(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("never: %s", what)
		}
	}
}

// cache returns a permission cache on a bus connection of its own, which follows.
func (w *world) cache(hook func(directoryapi.Change)) *directoryapi.Cache {
	w.t.Helper()
	c := directoryapi.NewCache(w.connect(w.t), zap.NewNop())
	c.OnChange(hook)
	background(w.t, c.Run)
	w.eventually("the cache follows", func() bool {
		_, err := c.Access(w.t.Context(), "u1", "lobby")
		_, ok := c.Cached("u1", "lobby")
		return err == nil && ok
	})
	return c
}

// call makes a request and decodes the answer; of a problem, it returns the code.
func (w *world) call(method, path, token, body string, out any, header ...string) (status int, code string) {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "198.51.100.7:1234"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "remote" {
			r.RemoteAddr = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, r)
	text, err := io.ReadAll(rec.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if rec.Code >= 400 {
		var p struct {
			Code       string
			RetryAfter int64 `json:"retry_after_ms"`
		}
		if err := json.Unmarshal(text, &p); err != nil || p.Code == "" || rec.Header().Get("Content-Type") != "application/problem+json" {
			w.t.Fatalf("%s %s answered %d %s", method, path, rec.Code, text)
		}
		if wait := p.Code == chat.CodeUnavailable || p.Code == chat.CodeRateLimited; wait != (p.RetryAfter > 0) || wait != (rec.Header().Get("Retry-After") != "") {
			w.t.Errorf("%s %s answered %s with %v", method, path, text, rec.Header())
		}
		return rec.Code, p.Code
	}
	if out != nil {
		if err := json.NewDecoder(bytes.NewReader(text)).Decode(out); err != nil {
			w.t.Fatalf("%s %s answered %s: %v", method, path, text, err)
		}
	}
	return rec.Code, ""
}

// code returns the code of the problem that a request is answered with; "" if it is none.
func (w *world) code(c credentials, method, path, body string) string {
	w.t.Helper()
	_, code := w.call(method, path, c.Token, body, nil)
	return code
}

func (w *world) ok(method, path, token, body string, out any) {
	w.t.Helper()
	if status, code := w.call(method, path, token, body, out); status != http.StatusOK {
		w.t.Fatalf("%s %s answered %d %s", method, path, status, code)
	}
}

func (w *world) register(name string) (c credentials) {
	w.t.Helper()
	w.ok("POST", "/v1/register", "", fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, name), &c)
	return c
}

// operator registers somebody who runs the server.
func (w *world) operator(name string) credentials {
	w.t.Helper()
	c := w.register(name)
	err := w.serverRecord.changeServer(w.t.Context(), func(r *store.Server) error { return giveRole(r, c.User.ID, directoryapi.RoleOperator) })
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) comeIn(name string) (c credentials) {
	w.t.Helper()
	w.ok("POST", "/v1/guest", "", fmt.Sprintf(`{"name":%q}`, name), &c)
	return c
}

func (w *world) create(c credentials, body string) (r roomView) {
	w.t.Helper()
	w.ok("POST", "/v1/rooms", c.Token, body, &r)
	return r
}

// listed returns what a user sees listed, by id.
func (w *world) listed(c credentials) map[string]roomView {
	w.t.Helper()
	var out roomsOutput
	w.ok("GET", "/v1/rooms", c.Token, "", &out)
	all := map[string]roomView{}
	for _, r := range out.Rooms {
		if _, twice := all[r.ID]; twice {
			w.t.Errorf("room %s is listed twice", r.ID)
		}
		all[r.ID] = r
	}
	return all
}

// bring makes a user a member, or gives a role.
func (w *world) bring(by credentials, room string, who credentials, role directoryapi.Role) {
	w.t.Helper()
	w.ok("POST", "/v1/rooms/"+room+"/members", by.Token, fmt.Sprintf(`{"user":%q,"role":%q}`, who.User.ID, role), nil)
}

func (w *world) claims(c credentials) auth.Claims {
	w.t.Helper()
	claims, err := w.verifier.Verify(w.t.Context(), c.Token)
	if err != nil {
		w.t.Fatal(err)
	}
	return claims
}

// events returns the events of a room's log.
func (w *world) events(room string) []chat.Event {
	w.t.Helper()
	r, err := w.bus.Replay(w.t.Context(), room, bus.Position{}, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []chat.Event
	for _, e := range r.Entries {
		event, err := chat.DecodeEntry(e.Data, e.Seq, e.Prev)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, event)
	}
	return all
}

// last returns the newest event of a room's log.
func (w *world) last(room string) chat.Event {
	w.t.Helper()
	all := w.events(room)
	if len(all) == 0 {
		w.t.Fatalf("nothing in the log of %s", room)
	}
	return all[len(all)-1]
}
