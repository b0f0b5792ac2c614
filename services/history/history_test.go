package history

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
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

func (g *gated) PutRead(ctx context.Context, room, user string, seq uint64) (uint64, error) {
	if err := g.write(); err != nil {
		return 0, err
	}
	return g.Store.PutRead(ctx, room, user, seq)
}

// world is a history service on a real bus and store.
type world struct {
	*Service
	t      *testing.T
	bus    bus.Bus
	store  *gated
	api    *historyapi.Client
	key    ed25519.PrivateKey
	access sync.Map // "user room": may read
	clock  atomic.Int64
}

func busConfig(url string) busurl.Config {
	return busurl.Config{
		Bus: url, BusMaxAge: time.Hour, BusMaxBytes: 1 << 30, BusPartitions: 2, BusReplicas: 1, BusTimeout: 20 * time.Second, Embed: natsembed.InProcess,
	}
}

func openBus(t *testing.T, url string) bus.Bus {
	t.Helper()
	b, err := busurl.Open(t.Context(), busConfig(url), zap.NewNop(), nil, api.RequiredGroups)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func openStore(t *testing.T, path string) *gated {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &gated{Store: s}
}

// start runs a service; it is stopped by the function that is returned, or with the test.
func start(t *testing.T, b bus.Bus, s *gated) (*world, func()) {
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
	cache := directoryapi.NewCache(b, zap.NewNop())
	w.Service, err = New(Config{MaxTail: 20_000}, Deps{
		Bus: b, Store: s, Cache: cache, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
		Verifier: auth.NewVerifier(func(context.Context) ([]byte, error) {
			return auth.EncodeKeys([]auth.PublicKey{{ID: "k", Key: public}})
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	for _, run := range []func(context.Context) error{w.Run, cache.Run} {
		wait.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	stop := sync.OnceFunc(func() {
		cancel()
		wait.Wait()
		directory.Stop()
	})
	t.Cleanup(stop)
	w.eventually("it serves", func() bool {
		_, err := w.api.Page(t.Context(), historyapi.PageRequest{Room: "nothing"})
		return err == nil || s.down.Load()
	})
	return w, stop
}

func open(t *testing.T) *world {
	t.Helper()
	w, _ := start(t, openBus(t, "embedded:"+t.TempDir()), openStore(t, filepath.Join(t.TempDir(), "history.db")))
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

func TestPages(t *testing.T) {
	w := open(t)
	var seqs []uint64
	for i := range 7 {
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), fmt.Sprint(i)))
		// What has been acknowledged is there, stored or not.
		if got := texts(w.page(historyapi.PageRequest{Room: "r1", Limit: 1})); got != fmt.Sprint(i) {
			t.Fatalf("the newest message is %q, want %d", got, i)
		}
	}
	check := func() {
		t.Helper()
		for _, tt := range []struct {
			req  historyapi.PageRequest
			want string
			more bool
		}{
			{historyapi.PageRequest{}, "0 1 2 3 4 5 6", false},
			{historyapi.PageRequest{Limit: 7}, "0 1 2 3 4 5 6", false},
			{historyapi.PageRequest{Limit: 3}, "4 5 6", true},
			{historyapi.PageRequest{Before: seqs[4], Limit: 3}, "1 2 3", true},
			{historyapi.PageRequest{Before: seqs[3], Limit: 3}, "0 1 2", false},
			{historyapi.PageRequest{Before: seqs[0]}, "", false},
			{historyapi.PageRequest{After: seqs[2], Limit: 2}, "3 4", true},
			{historyapi.PageRequest{After: seqs[4], Limit: 2}, "5 6", false},
			{historyapi.PageRequest{After: seqs[6]}, "", false},
			{historyapi.PageRequest{Around: seqs[3], Limit: 4}, "2 3 4 5", true},
			{historyapi.PageRequest{Around: seqs[0], Limit: 4}, "0 1 2", true},
			{historyapi.PageRequest{Around: seqs[6], Limit: 200}, "0 1 2 3 4 5 6", false},
			{historyapi.PageRequest{Around: bus.MaxSeq, Limit: 2}, "6", true},
		} {
			tt.req.Room = "r1"
			if p := w.page(tt.req); texts(p) != tt.want || p.More != tt.more {
				t.Errorf("%+v: %q, more %v; want %q, %v", tt.req, texts(p), p.More, tt.want, tt.more)
			}
		}
	}
	check()
	w.stored("r1", seqs[6])
	check()
	for _, req := range []historyapi.PageRequest{
		{Room: "a b"}, {Room: chat.ControlRoom}, {Room: "r1", Limit: 201}, {Room: "r1", Limit: -1}, {Room: "r1", Before: 1, After: 1}, {Room: "r1", Around: 1 << 53},
	} {
		if _, err := w.api.Page(t.Context(), req); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", req, err)
		}
	}
}

func TestApply(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "frist")
	w.say("r1", "eve", "m1", "the same id")
	message := func() chat.Message {
		t.Helper()
		p := w.page(historyapi.PageRequest{Room: "r1"})
		if len(p.Messages) != 2 || p.Messages[1].Text != "the same id" || p.Messages[1].EditedTS != 0 {
			t.Fatalf("page is %+v", p)
		}
		return p.Messages[0]
	}
	edit := chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e1", Target: "m1", Text: "first"}
	first, code := w.do(edit)
	if code != "" {
		t.Fatal(code)
	}
	if again, code := w.do(edit); again != first || code != "" {
		t.Errorf("a repeat: %d %s, want %d", again, code, first)
	}
	if m := message(); m.Text != "first" || m.EditedTS == 0 {
		t.Errorf("edited to %+v", m)
	}
	moderator := func(r *historyapi.ApplyRequest) { r.Moderator, r.Pin = true, true }
	for i, tt := range []struct {
		name   string
		e      chat.Event
		change func(*historyapi.ApplyRequest)
		code   string
	}{
		{name: "another's edit", e: chat.Event{Type: chat.TypeEdited, User: "bob", Text: "x"}, code: "forbidden"},
		{name: "a moderator's edit", e: chat.Event{Type: chat.TypeEdited, User: "bob", Text: "x"}, change: moderator, code: "forbidden"},
		{name: "empty edit", e: chat.Event{Type: chat.TypeEdited, User: "ann"}, code: "bad_request"},
		{name: "another's delete", e: chat.Event{Type: chat.TypeDeleted, User: "bob"}, code: "forbidden"},
		{name: "pin", e: chat.Event{Type: chat.TypePinned, User: "ann", On: true}, code: "forbidden"},
		{name: "no emoji", e: chat.Event{Type: chat.TypeReacted, User: "bob", On: true}, code: "bad_request"},
		{name: "a novel for an emoji", e: chat.Event{Type: chat.TypeReacted, User: "bob", On: true, Emoji: strings.Repeat("x", 65)}, code: "bad_request"},
		{name: "no message", e: chat.Event{Type: chat.TypeDeleted, User: "ann", Target: "m9"}, code: "not_found"},
		{name: "bad id", e: chat.Event{Type: chat.TypeDeleted, User: "ann", Target: "m 9"}, code: "bad_request"},
		{name: "another kind", e: chat.Event{Type: chat.TypeReset, User: "ann"}, code: "bad_request"},
	} {
		tt.e.Room, tt.e.ID = "r1", fmt.Sprint("bad", i)
		if tt.e.Target == "" {
			tt.e.Target = "m1"
		}
		if tt.change == nil {
			tt.change = func(*historyapi.ApplyRequest) {}
		}
		if _, code := w.do(tt.e, tt.change); code != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
		}
	}

	react := func(user, id string, on bool) {
		t.Helper()
		if _, code := w.do(chat.Event{Type: chat.TypeReacted, Room: "r1", User: user, ID: id, Target: "m1", Emoji: "👍", On: on}); code != "" {
			t.Fatal(code)
		}
	}
	react("bob", "x1", true)
	react("ann", "x2", true)
	react("bob", "x3", true)
	if got := message().Reactions["👍"]; !slices.Equal(got, []string{"bob", "ann"}) {
		t.Errorf("reactions are %v", got)
	}
	react("bob", "x4", false)
	react("ann", "x5", false)
	if got := message().Reactions; len(got) != 0 {
		t.Errorf("reactions are %v", got)
	}
	if _, code := w.do(chat.Event{Type: chat.TypePinned, Room: "r1", User: "bob", ID: "p1", Target: "m1", On: true}, moderator); code != "" {
		t.Error(code)
	}
	if !message().Pinned {
		t.Error("not pinned")
	}

	// Deleted: the text is gone from pages at once, and soon from the store and from the log.
	last, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "bob", ID: "d1", Target: "m1"}, moderator)
	if code != "" {
		t.Fatal(code)
	}
	if m := message(); !m.Deleted || m.Text != "" || m.Pinned {
		t.Errorf("deleted: %+v", m)
	}
	if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e2", Target: "m1", Text: "back"}); code != "not_found" {
		t.Errorf("an edit of a deleted message: %q", code)
	}
	w.stored("r1", last)
	w.eventually("the text is erased everywhere", func() bool {
		entries, err := w.store.Since(t.Context(), "r1", 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		log, err := w.bus.Replay(t.Context(), "r1", bus.Position{}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, e := range entries {
			all.Write(e.Data)
		}
		for _, e := range log.Entries {
			all.Write(e.Data)
		}
		return !strings.Contains(all.String(), "first") && !strings.Contains(all.String(), "frist")
	})
	if m := message(); !m.Deleted {
		t.Errorf("after the erasure: %+v", m)
	}

	// An edit that raced the deletion, and lost, leaves no text either.
	late := w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e3", Target: "m1", Text: "late"})
	w.stored("r1", late)
	w.eventually("the late edit is erased", func() bool {
		entries, err := w.store.At(t.Context(), "r1", late)
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		log, err := w.bus.Replay(t.Context(), "r1", bus.Position{Seq: late - 1}, 10)
		return err == nil && len(log.Entries) == 0 && !strings.Contains(string(entries[0].Data), "late")
	})
}

func TestManyReactions(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "1")
	for i := range maxReactions {
		w.event(chat.Event{Type: chat.TypeReacted, Room: "r1", User: fmt.Sprint("u", i), ID: "x", Target: "m1", Emoji: "👍", On: true})
	}
	react := chat.Event{Type: chat.TypeReacted, Room: "r1", User: "bob", ID: "x1", Target: "m1", Emoji: "👍", On: true}
	if _, code := w.do(react); code != chat.CodeTooMany {
		t.Errorf("one more: %q", code)
	}
	if _, code := w.do(chat.Event{Type: chat.TypeReacted, Room: "r1", User: "u7", ID: "x1", Target: "m1", Emoji: "👍"}); code != "" {
		t.Errorf("one taken back: %q", code)
	}
	if _, code := w.do(react); code != "" {
		t.Errorf("one more after that: %q", code)
	}
}

// TestSince asks for what a client missed, while nothing, a part and everything of it is stored.
func TestSince(t *testing.T) {
	w := open(t)
	w.store.down.Store(true)
	w.store.readers.Store(true)
	var seqs []uint64
	for i := range 5 {
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), fmt.Sprint(i)))
	}
	check := func() {
		t.Helper()
		for _, tt := range []struct {
			after   uint64
			id      string
			limit   int
			want    []uint64
			more    bool
			rewound bool
		}{
			{after: 0, limit: 100, want: seqs},
			{after: 0, limit: 2, want: seqs[:2], more: true},
			{after: seqs[1], id: "m1", limit: 3, want: seqs[2:]},
			{after: seqs[1], id: "m1", limit: 2, want: seqs[2:4], more: true},
			{after: seqs[4], id: "m4", limit: 2},
			{after: seqs[1], id: "other", limit: 2, rewound: true},
			{after: seqs[1] + 1, id: "m1", limit: 2, rewound: true},
			{after: seqs[4] + 9, id: "m9", limit: 2, rewound: true},
		} {
			got, err := w.api.Since(t.Context(), historyapi.SinceRequest{Room: "r1", After: tt.after, ID: tt.id, Limit: tt.limit})
			if err != nil {
				t.Fatal(err)
			}
			var found []uint64
			prev := tt.after
			for _, e := range got.Entries {
				if e.Prev != prev {
					t.Errorf("prev of %d is %d, want %d", e.Seq, e.Prev, prev)
				}
				found, prev = append(found, e.Seq), e.Seq
			}
			if !slices.Equal(found, tt.want) || got.More != tt.more || got.Rewound != tt.rewound {
				t.Errorf("since %d: %+v, want %v, more %v, rewound %v", tt.after, got, tt.want, tt.more, tt.rewound)
			}
			if !tt.rewound && (tt.more && got.Through != tt.want[len(tt.want)-1] || !tt.more && got.Through < seqs[4]) {
				t.Errorf("since %d is through %d", tt.after, got.Through)
			}
		}
	}
	check()
	w.store.down.Store(false)
	w.stored("r1", seqs[4])
	check()
	for _, req := range []historyapi.SinceRequest{{Room: "a b", Limit: 1}, {Room: "r1"}, {Room: "r1", Limit: 1001}, {Room: "r1", Limit: 1, After: 1 << 53}} {
		if _, err := w.api.Since(t.Context(), req); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", req, err)
		}
	}
}

// TestLongMessages asks for more than one answer on the bus can carry: it is cut, says so, and the rest can be had.
func TestLongMessages(t *testing.T) {
	w := open(t)
	const n, long = 60, 16 << 10
	var seqs []uint64
	for i := range n {
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), strings.Repeat("x", long)))
	}
	check := func() {
		t.Helper()
		got, before := 0, uint64(0)
		for more := true; more; {
			p := w.page(historyapi.PageRequest{Room: "r1", Before: before, Limit: 200})
			if len(p.Messages) == 0 || p.Messages[len(p.Messages)-1].Seq != seqs[n-1-got] {
				t.Fatalf("before %d: %d messages, which do not go on", before, len(p.Messages))
			}
			got, before, more = got+len(p.Messages), p.Messages[0].Seq, p.More
		}
		if got != n {
			t.Errorf("%d messages backwards, want %d", got, n)
		}
		p := w.page(historyapi.PageRequest{Room: "r1", After: seqs[0], Limit: 200})
		if len(p.Messages) < 10 || p.Messages[0].Seq != seqs[1] || !p.More {
			t.Errorf("after the first: %d messages, more %v", len(p.Messages), p.More)
		}
		p = w.page(historyapi.PageRequest{Room: "r1", Around: seqs[n/2], Limit: 200})
		if !slices.ContainsFunc(p.Messages, func(m chat.Message) bool { return m.Seq == seqs[n/2] }) || len(p.Messages) < 10 || !p.More {
			t.Errorf("around the middle: %d messages, more %v", len(p.Messages), p.More)
		}
		var found []uint64
		for more := true; more; {
			after := uint64(0)
			if len(found) > 0 {
				after = found[len(found)-1]
			}
			s, err := w.api.Since(t.Context(), historyapi.SinceRequest{Room: "r1", After: after, Limit: 1000})
			if err != nil || len(s.Entries) == 0 {
				t.Fatalf("since %d: %d entries, %v", after, len(s.Entries), err)
			}
			for _, e := range s.Entries {
				found = append(found, e.Seq)
			}
			if more = s.More; more && s.Through != found[len(found)-1] {
				t.Errorf("through %d, want %d", s.Through, found[len(found)-1])
			}
		}
		if !slices.Equal(found, seqs) {
			t.Errorf("%d entries, want %d", len(found), n)
		}
	}
	check()
	w.stored("r1", seqs[n-1])
	check()
}

// TestStoreDown has the store fail for a while: appends go on, requests say so, and all is stored in the end.
func TestStoreDown(t *testing.T) {
	w := open(t)
	first := w.say("r1", "ann", "m0", "0")
	w.stored("r1", first)
	w.store.down.Store(true)
	last := w.say("r1", "ann", "m1", "1")
	if _, err := w.api.Page(t.Context(), historyapi.PageRequest{Room: "r1"}); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("a page: %v", err)
	}
	if _, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d", Target: "m0"}); code != chat.CodeUnavailable {
		t.Errorf("a delete: %q", code)
	}
	if _, err := w.api.Read(t.Context(), historyapi.ReadRequest{Room: "r1", User: "ann", Seq: 1}); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("a read position: %v", err)
	}
	w.store.down.Store(false)
	w.stored("r1", last)
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "0 1" {
		t.Errorf("the page is %q", got)
	}
	if parked, err := w.bus.DeadLetters(t.Context(), group, 10); err != nil || len(parked) != 0 {
		t.Errorf("parked: %+v, %v", parked, err)
	}
}

// TestPoison appends what is no event: it is parked, and the rest is stored.
func TestPoison(t *testing.T) {
	w := open(t)
	for id, data := range map[string]string{"bad": "\x01nonsense", "worse": `_{"type":"msg","text":7}`} {
		if _, err := bus.Append(t.Context(), w.bus, bus.NewEntry{Room: "r1", Sender: "eve", ID: id, Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
	}
	last := w.say("r1", "ann", "m1", "good")
	w.stored("r1", last)
	w.eventually("it is parked", func() bool {
		parked, err := w.bus.DeadLetters(t.Context(), group, 10)
		return err == nil && len(parked) == 2 && parked[0].Entry.Sender == "eve" && parked[1].Entry.Sender == "eve"
	})
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "good" {
		t.Errorf("the page is %q", got)
	}
}

// TestConsumeAgain delivers again what was stored, and what conflicts with it.
func TestConsumeAgain(t *testing.T) {
	w := open(t)
	seq := w.say("r1", "ann", "m1", "1")
	w.stored("r1", seq)
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "r1", User: "bob", ID: "m2", Text: "2"})
	if err != nil {
		t.Fatal(err)
	}
	same := bus.Entry{Room: "r1", Seq: seq, Sender: "bob", ID: "m2", Data: data}
	for range 2 {
		if err := w.consume(t.Context(), []bus.Entry{same}); err != nil {
			t.Fatal(err)
		}
	}
	if got := testutil.ToFloat64(w.metrics.conflicts); got != 1 {
		t.Errorf("%v conflicts", got)
	}
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "1 2" {
		t.Errorf("the page is %q", got)
	}
	// Sent again after the bus had forgotten it: the log has it twice.
	w.store.down.Store(true)
	w.store.readers.Store(true)
	w.bus.Append(bus.NewEntry{Room: "r1", Sender: "bob", ID: "m2", Data: data}, func(bus.Appended, error) {})
	w.eventually("the log has it again", func() bool {
		r, err := w.record(t.Context(), "r1")
		return err == nil && len(r.tail) == 1
	})
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "1 2" {
		t.Errorf("with a repeat in the log, the page is %q", got)
	}
	w.store.down.Store(false)
	w.eventually("it is not stored again", func() bool { return testutil.ToFloat64(w.metrics.repeats) == 1 })
	later := same
	later.Seq += 5
	if err := w.consume(t.Context(), []bus.Entry{later}); err != nil {
		t.Fatal(err)
	}
	if got := testutil.ToFloat64(w.metrics.repeats); got != 2 {
		t.Errorf("%v repeats", got)
	}
}

// TestLostLog starts history on an empty bus: the log goes on above what the store has.
func TestLostLog(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "history.db"))
	w, stop := start(t, openBus(t, "embedded:"+t.TempDir()), s)
	high := w.say("r1", "ann", "m1", "before")
	w.stored("r1", high)
	// As from a machine whose clock was ahead.
	ahead := store.Entry{Room: "r1", Seq: high + 1<<40, Sender: "ann", ID: "m2", Type: chat.TypeMsg, Data: []byte(`_{"type":"msg","room":"r1","id":"m2","text":"ahead"}`)}
	if _, err := s.Append(t.Context(), []store.Entry{ahead}); err != nil {
		t.Fatal(err)
	}
	stop()
	w, _ = start(t, openBus(t, "embedded:"+t.TempDir()), s)
	if seq := w.say("r1", "ann", "m3", "after"); seq <= ahead.Seq {
		t.Errorf("the new log goes on at %d, which is not above %d", seq, ahead.Seq)
	}
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "before ahead after" {
		t.Errorf("the page is %q", got)
	}
}

// TestStartAgain stops history before it has read everything: what was acknowledged keeps its Seq.
func TestStartAgain(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "history.db"))
	b := openBus(t, "embedded:"+t.TempDir())
	w, stop := start(t, b, s)
	seqs := []uint64{w.say("r1", "ann", "m0", "0")}
	w.stored("r1", seqs[0])
	stop()
	for i := 1; i < 5; i++ {
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), fmt.Sprint(i)))
	}
	w, _ = start(t, b, s)
	w.stored("r1", seqs[4])
	var got []uint64
	for _, m := range w.page(historyapi.PageRequest{Room: "r1"}).Messages {
		got = append(got, m.Seq)
	}
	if !slices.Equal(got, seqs) {
		t.Errorf("history has %v, want %v", got, seqs)
	}
}

func TestReads(t *testing.T) {
	w := open(t)
	for _, tt := range []struct{ seq, want uint64 }{{5, 5}, {3, 5}, {8, 8}} {
		if got, err := w.api.Read(t.Context(), historyapi.ReadRequest{Room: "r1", User: "ann", Seq: tt.seq}); err != nil || got.Seq != tt.want {
			t.Errorf("read through %d: %+v, %v", tt.seq, got, err)
		}
	}
	for _, req := range []historyapi.ReadRequest{{Room: "a b", User: "ann"}, {Room: "r1"}, {Room: "r1", User: "ann", Seq: 1 << 53}} {
		if _, err := w.api.Read(t.Context(), req); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", req, err)
		}
	}
}

func TestHTTP(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "hello")
	w.access.Store("ann r1", true)
	if _, err := w.api.Read(t.Context(), historyapi.ReadRequest{Room: "r1", User: "ann", Seq: 7}); err != nil {
		t.Fatal(err)
	}
	get := func(user, path string, out any) (int, string) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if user != "" {
			token, err := auth.Sign(w.key, "k", auth.Claims{User: user, Name: user, Session: "s", Issued: time.Now(), Expires: time.Now().Add(time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
		}
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		var p struct{ Code string }
		if rec.Code != http.StatusOK {
			out = &p
		}
		if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
			t.Fatalf("%s: %s", path, rec.Body)
		}
		return rec.Code, p.Code
	}
	var page historyapi.Page
	if status, _ := get("ann", "/v1/rooms/r1/messages?limit=5", &page); status != 200 || texts(page) != "hello" {
		t.Errorf("page: %d %+v", status, page)
	}
	var reads struct{ Reads map[string]uint64 }
	if status, _ := get("ann", "/v1/reads", &reads); status != 200 || reads.Reads["r1"] != 7 {
		t.Errorf("reads: %d %+v", status, reads)
	}
	for _, tt := range []struct {
		user, path string
		status     int
		code       string
	}{
		{"", "/v1/rooms/r1/messages", 401, "unauthorized"},
		{"bob", "/v1/rooms/r1/messages", 403, "forbidden"},
		{"ann", "/v1/rooms/r1/messages?limit=201", 400, "bad_request"},
		{"ann", "/v1/rooms/r1/messages?before=x", 422, "bad_request"},
		{"ann", "/v1/rooms/r1/messages?before=1&after=2", 400, "bad_request"},
		{"ann", "/v1/rooms/_control/messages", 403, "forbidden"},
		{"ann", "/v1/none", 404, "not_found"},
	} {
		if status, code := get(tt.user, tt.path, nil); status != tt.status || code != tt.code {
			t.Errorf("%s as %q: %d %q, want %d %q", tt.path, tt.user, status, code, tt.status, tt.code)
		}
	}
	w.store.down.Store(true)
	if status, code := get("ann", "/v1/rooms/r1/messages", nil); status != 503 || code != "unavailable" {
		t.Errorf("with the store down: %d %q", status, code)
	}
}

// TestRedis runs history on the other bus, and starts it again on the same store.
func TestRedis(t *testing.T) {
	redis := bustest.Redis(t)
	s := openStore(t, filepath.Join(t.TempDir(), "history.db"))
	w, stop := start(t, openBus(t, redis.URL()), s)
	w.say("r1", "ann", "m1", "1")
	w.stored("r1", w.say("r1", "ann", "m2", "2"))
	stop()
	w.say("r1", "ann", "m3", "3")
	w, _ = start(t, openBus(t, redis.URL()), s)
	w.stored("r1", w.say("r1", "ann", "m4", "4"))
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "1 2 3 4" {
		t.Errorf("the page is %q", got)
	}
}

func TestConfig(t *testing.T) {
	for tail, good := range map[int]bool{999: false, 1000: true, 1_000_001: false} {
		c := Config{MaxTail: tail}
		if err := c.Validate(); (err == nil) != good {
			t.Errorf("--max-tail %d: %v", tail, err)
		}
	}
}
