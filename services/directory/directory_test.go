package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
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
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config() Config {
	return Config{
		TokenLife: 15 * time.Minute, SessionLife: time.Hour, KeyLife: 24 * time.Hour, Guests: true, Registration: true,
		HashMemory: 64, HashTime: 1, HashParallel: 2, LoginAttempts: 5, AccountRate: 1000, ChangeRate: 1000, TrustedProxies: []string{"192.0.2.0/24"},
	}
}

// world is a directory service on a real bus and store.
type world struct {
	*Service
	t     *testing.T
	bus   bus.Bus
	store *faulty
	stop  func()
}

// faulty is a store that can be made to fail.
type faulty struct {
	store.Store
	mu   sync.Mutex
	fail func(method string) error
}

func (f *faulty) check(method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == nil {
		return nil
	}
	return f.fail(method)
}

func (f *faulty) set(fail func(string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *faulty) UserByName(ctx context.Context, key string) (store.User, error) {
	if err := f.check("UserByName"); err != nil {
		return store.User{}, err
	}
	return f.Store.UserByName(ctx, key)
}

func (f *faulty) Room(ctx context.Context, id string) (store.Room, error) {
	if err := f.check("Room"); err != nil {
		return store.Room{}, err
	}
	return f.Store.Room(ctx, id)
}

func (f *faulty) PutMember(ctx context.Context, m store.Member) error {
	if err := f.check("PutMember before"); err != nil {
		return err
	}
	if err := f.Store.PutMember(ctx, m); err != nil {
		return err
	}
	return f.check("PutMember after")
}

func openWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	b, err := busurl.Open(t.Context(), busurl.Config{
		Bus: "embedded:" + t.TempDir(), BusMaxAge: time.Hour, BusMaxBytes: 1 << 30, BusPartitions: 1, BusReplicas: 1, BusTimeout: 20 * time.Second,
		Embed: natsembed.InProcess,
	}, zap.NewNop(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "directory.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.Close()
		_ = s.Close()
	})
	return start(t, cfg, b, &faulty{Store: s})
}

func start(t *testing.T, cfg Config, b bus.Bus, s *faulty) *world {
	t.Helper()
	svc, err := New(cfg, Deps{Bus: b, Store: s, Log: zap.NewNop(), Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- svc.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	w := &world{Service: svc, t: t, bus: b, store: s, stop: stop}
	w.eventually("it serves", func() bool {
		_, err := directoryapi.NewClient(b).Keys(t.Context())
		return err == nil
	})
	return w
}

func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("never: %s", what)
		}
	}
}

// call makes a request and decodes the answer.
func (w *world) call(method, path, token, body string, out any, header ...string) (status int, code string) {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "198.51.100.7:1234"
	for i := 0; i < len(header); i += 2 {
		if header[i] == "remote" {
			r.RemoteAddr = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
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
			Code   string
			Detail string
		}
		if err := json.Unmarshal(text, &p); err != nil || p.Code == "" {
			w.t.Fatalf("%s %s answered %d %s", method, path, rec.Code, text)
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

func (w *world) ok(method, path, token, body string, out any) {
	w.t.Helper()
	if status, code := w.call(method, path, token, body, out); status != http.StatusOK {
		w.t.Fatalf("%s %s answered %d %s", method, path, status, code)
	}
}

func (w *world) register(name string) credentials {
	w.t.Helper()
	var c credentials
	w.ok("POST", "/v1/register", "", fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, name), &c)
	return c
}

// log returns the events of a room's log.
func (w *world) log(room string) []chat.Event {
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

func TestAccounts(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	if ann.User.Name != "Ann" || ann.User.Guest || ann.Refresh == "" {
		t.Errorf("registered as %+v", ann)
	}
	claims, err := w.verifier.Verify(t.Context(), ann.Token)
	if err != nil || claims.User != ann.User.ID || claims.Name != "Ann" {
		t.Errorf("the token says %+v, %v", claims, err)
	}
	// The key set on the bus and that at the well-known route verify it, too.
	var set json.RawMessage
	w.ok("GET", "/.well-known/jwks.json", "", "", &set)
	for _, fetch := range []func(context.Context) ([]byte, error){
		directoryapi.NewClient(w.bus).Keys, func(context.Context) ([]byte, error) { return set, nil },
	} {
		if _, err := auth.NewVerifier(fetch).Verify(t.Context(), ann.Token); err != nil {
			t.Error(err)
		}
	}
	var again, me, guest, next struct {
		credentials
		account
	}
	w.ok("POST", "/v1/login", "", `{"name":"aNN","password":"correct horse"}`, &again)
	w.ok("GET", "/v1/me", again.Token, "", &me)
	if me.account != ann.User {
		t.Errorf("me is %+v, want %+v", me.account, ann.User)
	}
	w.ok("POST", "/v1/guest", "", `{"name":"Ann"}`, &guest)
	if guest.User.Name != "Ann (guest)" || !guest.User.Guest || guest.User.ID == ann.User.ID {
		t.Errorf("a guest is %+v", guest.User)
	}
	w.ok("POST", "/v1/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, ann.Refresh), &next)
	if next.User != ann.User || next.Refresh != ann.Refresh {
		t.Errorf("refreshed to %+v", next.credentials)
	}
	var found struct{ Users []account }
	w.ok("GET", "/v1/users?q=AN", ann.Token, "", &found)
	if len(found.Users) != 1 || found.Users[0] != ann.User {
		t.Errorf("found %+v", found)
	}

	for _, tt := range []struct{ name, path, body, code string }{
		{"taken", "/v1/register", `{"name":"ANN","password":"correct horse"}`, "conflict"},
		{"short password", "/v1/register", `{"name":"Bob","password":"short"}`, "bad_request"},
		{"long password", "/v1/register", `{"name":"Bob","password":"` + strings.Repeat("x", 300) + `"}`, "bad_request"},
		{"no name", "/v1/register", `{"name":"","password":"correct horse"}`, "bad_request"},
		{"name of a guest", "/v1/register", `{"name":"Ann (guest)","password":"correct horse"}`, "bad_request"},
		{"name with a line", "/v1/register", `{"name":"A\nB","password":"correct horse"}`, "bad_request"},
		{"long name", "/v1/guest", `{"name":"` + strings.Repeat("x", 33) + `"}`, "bad_request"},
		{"not JSON", "/v1/login", `{`, "bad_request"},
		{"no field", "/v1/login", `{}`, "bad_request"},
		{"wrong password", "/v1/login", `{"name":"Ann","password":"wrong horse"}`, "unauthorized"},
		{"guest has none", "/v1/login", `{"name":"Ann (guest)","password":""}`, "unauthorized"},
		{"nobody", "/v1/login", `{"name":"Zed","password":"correct horse"}`, "unauthorized"},
		{"no refresh token", "/v1/refresh", `{"refresh_token":"x.y"}`, "unauthorized"},
		{"another's secret", "/v1/refresh", fmt.Sprintf(`{"refresh_token":%q}`, strings.Split(ann.Refresh, ".")[0]+"."+strings.Split(guest.Refresh, ".")[1]), "unauthorized"},
	} {
		if _, code := w.call("POST", tt.path, "", tt.body, nil); code != tt.code {
			t.Errorf("%s: code is %q, want %q", tt.name, code, tt.code)
		}
	}
	if _, code := w.call("GET", "/v1/me", "", "", nil); code != "unauthorized" {
		t.Errorf("me without a token: %q", code)
	}
}

func TestClosedDoors(t *testing.T) {
	cfg := config()
	cfg.Guests, cfg.Registration = false, false
	w := openWorld(t, cfg)
	for path, body := range map[string]string{"/v1/guest": `{"name":"Ann"}`, "/v1/register": `{"name":"Ann","password":"correct horse"}`} {
		if _, code := w.call("POST", path, "", body, nil); code != "forbidden" {
			t.Errorf("%s: %q", path, code)
		}
	}
}

func TestGuessingIsSlowed(t *testing.T) {
	w := openWorld(t, config())
	w.register("Ann")
	guess := func(ip string) string {
		_, code := w.call("POST", "/v1/login", "", `{"name":"Ann","password":"wrong horse"}`, nil, "remote", "192.0.2.1:99", "X-Real-IP", ip)
		return code
	}
	for i := range 5 {
		if code := guess(fmt.Sprintf("203.0.113.%d", i)); code != "unauthorized" {
			t.Fatalf("guess %d: %q", i, code)
		}
	}
	if code := guess("203.0.113.99"); code != "rate_limited" {
		t.Errorf("another guess at the name: %q", code)
	}
	if e, ok := errors.AsType[*chat.Error](w.failures.full(time.Now(), "x", "name ann")); !ok || e.RetryAfter <= 0 || e.RetryAfter > time.Minute {
		t.Errorf("the wait is %+v", e)
	}
	if err := w.failures.full(time.Now().Add(time.Minute), "x", "name ann"); err != nil {
		t.Errorf("a minute later: %v", err)
	}
	// An address that nobody vouches for is not believed.
	if got := clientAddress("198.51.100.7:1", "203.0.113.1", w.proxies); got != "198.51.100.7" {
		t.Errorf("address is %s", got)
	}
	if got := clientAddress("192.0.2.9:1", "203.0.113.1", w.proxies); got != "203.0.113.1" {
		t.Errorf("address behind a proxy is %s", got)
	}
}

func TestLogoutRevokes(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	cache := directoryapi.NewCache(w.bus, zap.NewNop())
	changes := make(chan directoryapi.Change, 10)
	cache.OnChange(func(c directoryapi.Change) { changes <- c })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- cache.Run(ctx) }()
	defer func() { cancel(); <-done }()
	w.eventually("the cache follows", func() bool {
		_, err := cache.Access(t.Context(), ann.User.ID, "lobby")
		_, ok := cache.Cached(ann.User.ID, "lobby")
		return err == nil && ok
	})
	w.ok("POST", "/v1/logout", ann.Token, "", nil)
	claims, err := w.verifier.Verify(t.Context(), ann.Token)
	if err != nil {
		t.Fatal(err)
	}
	if c := <-changes; c.Kind != directoryapi.ChangeUser || c.User != ann.User.ID || c.Session != claims.Session {
		t.Errorf("told %+v", c)
	}
	if _, code := w.call("POST", "/v1/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, ann.Refresh), nil); code != "unauthorized" {
		t.Errorf("a refresh after the logout: %q", code)
	}
}

func TestRooms(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, eve := w.register("Ann"), w.register("Bob"), w.register("Eve")
	rooms := func(c credentials) map[string]roomView {
		t.Helper()
		var out struct{ Rooms []roomView }
		w.ok("GET", "/v1/rooms", c.Token, "", &out)
		all := map[string]roomView{}
		for _, r := range out.Rooms {
			all[r.ID] = r
		}
		return all
	}
	code := func(c credentials, method, path, body string) string {
		t.Helper()
		_, code := w.call(method, path, c.Token, body, nil)
		return code
	}
	for _, id := range chat.DefaultRooms {
		if r := rooms(ann)[id]; !r.Member || r.Private || r.Role != directoryapi.RoleMember {
			t.Errorf("default room %s is %+v", id, r)
		}
	}

	var open, secret roomView
	w.ok("POST", "/v1/rooms", ann.Token, `{"name":"Open","topic":"anything"}`, &open)
	w.ok("POST", "/v1/rooms", ann.Token, `{"name":"Secret","private":true}`, &secret)
	if r := rooms(bob)[open.ID]; r.Member || r.Name != "Open" {
		t.Errorf("bob sees the open room as %+v", r)
	}
	if _, ok := rooms(bob)[secret.ID]; ok {
		t.Error("bob sees the secret room")
	}
	for want, got := range map[string]string{
		"forbidden   ":   code(bob, "POST", "/v1/rooms/"+secret.ID+"/join", ""),
		"forbidden    ":  code(bob, "GET", "/v1/rooms/"+secret.ID, ""),
		"forbidden     ": code(bob, "POST", "/v1/rooms/"+secret.ID+"/members", fmt.Sprintf(`{"user":%q}`, bob.User.ID)),
		"forbidden":      code(bob, "POST", "/v1/rooms/"+open.ID+"/members", fmt.Sprintf(`{"user":%q}`, eve.User.ID)),
		"forbidden ":     code(bob, "GET", "/v1/rooms/"+open.ID+"/members", ""),
		"forbidden  ":    code(bob, "PATCH", "/v1/rooms/"+open.ID, `{"name":"Bob's"}`),
		"conflict":       code(ann, "POST", "/v1/rooms/"+secret.ID+"/leave", "") + "conflict", // alone: she may
	} {
		if strings.TrimSpace(want) != got {
			t.Errorf("code is %q, want %q", got, want)
		}
	}
	w.ok("POST", "/v1/rooms", ann.Token, `{"name":"Secret","private":true}`, &secret)

	// Ann brings Bob into the secret room: all are told, Bob may speak, and he may not give roles.
	w.ok("POST", "/v1/rooms/"+secret.ID+"/members", ann.Token, fmt.Sprintf(`{"user":%q}`, bob.User.ID), nil)
	if r := rooms(bob)[secret.ID]; !r.Member || r.Role != directoryapi.RoleMember {
		t.Errorf("bob sees the secret room as %+v", r)
	}
	last := func(room string) chat.Event {
		t.Helper()
		all := w.log(room)
		if len(all) == 0 {
			t.Fatalf("nothing in the log of %s", room)
		}
		return all[len(all)-1]
	}
	if e := last(secret.ID); e.Type != chat.TypeMember || e.Member != bob.User.ID || e.Role != "member" || e.Name != "Bob" || e.User != ann.User.ID {
		t.Errorf("the room was told %+v", e)
	}
	if e := last(chat.UserRoom(bob.User.ID)); e.Type != chat.TypeInvited || e.Target != secret.ID {
		t.Errorf("bob was told %+v", e)
	}
	access := directoryapi.NewClient(w.bus)
	if a, err := access.Access(t.Context(), bob.User.ID, secret.ID); err != nil || !a.Read || !a.Send || a.Role != directoryapi.RoleMember {
		t.Errorf("bob's access is %+v, %v", a, err)
	}
	if a, err := access.Access(t.Context(), eve.User.ID, secret.ID); err != nil || a != (directoryapi.Access{}) {
		t.Errorf("eve's access is %+v, %v", a, err)
	}
	if a, err := access.Access(t.Context(), eve.User.ID, open.ID); err != nil || a != (directoryapi.Access{Read: true}) {
		t.Errorf("eve's access to the open room is %+v, %v", a, err)
	}
	member := func(u credentials, role string) string { return fmt.Sprintf(`{"user":%q,"role":%q}`, u.User.ID, role) }
	if c := code(bob, "POST", "/v1/rooms/"+secret.ID+"/members", member(bob, "owner")); c != "forbidden" {
		t.Errorf("bob makes himself an owner: %q", c)
	}
	if c := code(ann, "POST", "/v1/rooms/"+secret.ID+"/members", member(bob, "king")); c != "bad_request" {
		t.Errorf("no such role: %q", c)
	}
	if c := code(ann, "POST", "/v1/rooms/"+secret.ID+"/members", `{"user":"nobody"}`); c != "not_found" {
		t.Errorf("no such user: %q", c)
	}
	if c := code(ann, "POST", "/v1/rooms/"+secret.ID+"/leave", ""); c != "conflict" {
		t.Errorf("the only owner leaves: %q", c)
	}
	w.ok("POST", "/v1/rooms/"+secret.ID+"/members", bob.Token, member(eve, "member"), nil)
	if c := code(bob, "DELETE", "/v1/rooms/"+secret.ID+"/members/"+eve.User.ID, ""); c != "forbidden" {
		t.Errorf("a member removes a member: %q", c)
	}
	w.ok("POST", "/v1/rooms/"+secret.ID+"/members", ann.Token, member(bob, "moderator"), nil)
	w.ok("DELETE", "/v1/rooms/"+secret.ID+"/members/"+eve.User.ID, bob.Token, "", nil)
	if e := last(chat.UserRoom(eve.User.ID)); e.Type != chat.TypeRemoved || e.Target != secret.ID {
		t.Errorf("eve was told %+v", e)
	}
	if _, ok := rooms(eve)[secret.ID]; ok {
		t.Error("eve still sees the secret room")
	}
	var members membersOutput
	w.ok("GET", "/v1/rooms/"+secret.ID+"/members", bob.Token, "", &members)
	if len(members.Members) != 2 {
		t.Errorf("members are %+v", members)
	}

	// Joining, renaming, leaving.
	w.ok("POST", "/v1/rooms/"+open.ID+"/join", bob.Token, "", nil)
	w.ok("POST", "/v1/rooms/"+open.ID+"/join", bob.Token, "", nil)
	w.ok("PATCH", "/v1/rooms/"+open.ID, ann.Token, `{"topic":"tea"}`, nil)
	if e := last(open.ID); e.Type != chat.TypeTopic || e.Name != "Open" || e.Text != "tea" {
		t.Errorf("the room was told %+v", e)
	}
	w.ok("POST", "/v1/rooms/"+open.ID+"/leave", bob.Token, "", nil)
	if r := rooms(bob)[open.ID]; r.Member || r.Topic != "tea" {
		t.Errorf("after leaving bob sees %+v", r)
	}
	if c := code(bob, "POST", "/v1/rooms/lobby/leave", ""); c != "forbidden" {
		t.Errorf("leaving the lobby: %q", c)
	}

	// A direct room is one for both, in either direction.
	var one, two roomView
	w.ok("POST", "/v1/direct", ann.Token, fmt.Sprintf(`{"user":%q}`, bob.User.ID), &one)
	w.ok("POST", "/v1/direct", bob.Token, fmt.Sprintf(`{"user":%q}`, ann.User.ID), &two)
	if one.ID != two.ID || one.With != bob.User.ID || one.Name != "Bob" || two.Name != "Ann" || !one.Direct {
		t.Errorf("direct rooms are %+v and %+v", one, two)
	}
	if c := code(ann, "POST", "/v1/direct", fmt.Sprintf(`{"user":%q}`, ann.User.ID)); c != "bad_request" {
		t.Errorf("a direct room with oneself: %q", c)
	}
	if c := code(ann, "POST", "/v1/rooms/"+one.ID+"/members", member(eve, "member")); c != "forbidden" {
		t.Errorf("a third in a direct room: %q", c)
	}
	for _, body := range []string{`{"name":""}`, `{"name":"a\u0007b"}`, `{"name":"` + strings.Repeat("x", 65) + `"}`} {
		if c := code(ann, "POST", "/v1/rooms", body); c != "bad_request" {
			t.Errorf("a room made of %.30s: %q", body, c)
		}
	}
}

// TestUntoldChangesAreTold has the store fail right after a change, as a crash would: the change is told all the same.
func TestUntoldChangesAreTold(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	bob := w.register("Bob")
	var room roomView
	w.ok("POST", "/v1/rooms", ann.Token, `{"name":"Open"}`, &room)
	for _, when := range []string{"PutMember before", "PutMember after"} {
		w.store.set(func(method string) error {
			if method == when {
				return io.ErrUnexpectedEOF
			}
			return nil
		})
		if status, code := w.call("POST", "/v1/rooms/"+room.ID+"/join", bob.Token, "", nil); status != 503 || code != "unavailable" {
			t.Fatalf("with a broken store: %d %s", status, code)
		}
	}
	w.store.set(nil)
	left, err := w.store.IntentsBefore(t.Context(), time.Now().Add(time.Hour).UnixMilli(), 10)
	if err != nil || len(left) != 2 {
		t.Fatalf("intents are %+v, %v", left, err)
	}
	for _, i := range left { // as if they were old
		i.Created -= int64(time.Hour / time.Millisecond)
		if err := w.store.PutIntent(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.tellUntold(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := slices.ContainsFunc(w.log(room.ID), func(e chat.Event) bool { return e.Type == chat.TypeMember && e.Member == bob.User.ID })
	if !told {
		t.Error("nobody was told that bob is a member")
	}
	if left, err = w.store.IntentsBefore(t.Context(), time.Now().Add(time.Hour).UnixMilli(), 10); err != nil || len(left) != 0 {
		t.Errorf("intents are %+v, %v", left, err)
	}
}

func TestStoreDown(t *testing.T) {
	w := openWorld(t, config())
	w.store.set(func(string) error { return io.ErrUnexpectedEOF })
	if _, code := w.call("POST", "/v1/login", "", `{"name":"Ann","password":"correct horse"}`, nil); code != "unavailable" {
		t.Errorf("login: %q", code)
	}
	if _, err := directoryapi.NewClient(w.bus).Access(t.Context(), "u1", "lobby"); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("access: %v", err)
	}
}

// TestReplicas has two services on one store: a token of one is good at the other, also after a key has been replaced.
func TestReplicas(t *testing.T) {
	w := openWorld(t, config())
	other := start(t, config(), w.bus, w.store)
	ann := w.register("Ann")
	if _, err := other.verifier.Verify(t.Context(), ann.Token); err != nil {
		t.Error(err)
	}
	all, err := w.store.Keys(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("keys are %d, %v", len(all), err)
	}
	// The key grows old.
	if err := w.store.DeleteKey(t.Context(), all[0].ID); err != nil {
		t.Fatal(err)
	}
	all[0].Created -= int64(25 * time.Hour / time.Millisecond)
	if err := w.store.CreateKey(t.Context(), all[0]); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*world{w, other} {
		if err := r.keys.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if now, err := w.store.Keys(t.Context()); err != nil || len(now) != 2 {
		t.Fatalf("keys are %d, %v", len(now), err)
	}
	if w.keys.id != all[0].ID || other.keys.id != all[0].ID {
		t.Error("a new key signs before all can have it")
	}
	if _, err := other.verifier.Verify(t.Context(), ann.Token); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	good := config()
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for flag, change := range map[string]func(*Config){
		"--token-life":      func(c *Config) { c.TokenLife = 0 },
		"--session-life":    func(c *Config) { c.SessionLife = time.Minute },
		"--key-life":        func(c *Config) { c.KeyLife = time.Minute },
		"--hash-memory":     func(c *Config) { c.HashMemory = 1 },
		"--hash-time":       func(c *Config) { c.HashTime = 0 },
		"--hash-parallel":   func(c *Config) { c.HashParallel = 0 },
		"--login-attempts":  func(c *Config) { c.LoginAttempts = 0 },
		"--trusted-proxies": func(c *Config) { c.TrustedProxies = []string{"10.0.0.0"} },
	} {
		c := config()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
