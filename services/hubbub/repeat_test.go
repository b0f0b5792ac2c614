package hubbub_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
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
	"hubbub.internal/services/edge"
	"hubbub.internal/services/history"
	"hubbub.internal/services/history/store"
	"hubbub.internal/services/history/store/sqlite"
)

// spine is two edges and a history service, each with a connection of its own to a real bus that
// soon forgets the ids of what was appended. Everybody may do everything.
type spine struct {
	t     *testing.T
	open  func() bus.Interface
	bus   bus.Interface // the test's
	key   ed25519.PrivateKey
	store store.Store
	edges [2]string // where they listen

	stopHistory func()
}

const spinePatience = 30 * time.Second

func newSpine(t *testing.T, url string) *spine {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &spine{t: t, key: private, open: func() bus.Interface {
		b, err := busurl.Open(t.Context(), busurl.Config{
			Bus: url, BusMaxAge: time.Hour, BusMaxBytes: 1 << 30, BusPartitions: 2, BusReplicas: 1, BusTimeout: spinePatience,
			BusKeep: time.Second, BusKeepBytes: 1 << 20, Dedupe: 100 * time.Millisecond,
		}, zap.NewNop(), nil, api.RequiredGroups)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		return b
	}}
	s.bus = s.open()
	keys, err := auth.EncodeKeys([]auth.PublicKey{{ID: "k", Key: public}})
	if err != nil {
		t.Fatal(err)
	}
	for _, serve := range []func() (bus.Subscription, error){
		func() (bus.Subscription, error) {
			return api.Handle(t.Context(), s.bus, directoryapi.ServiceKeys, nil, func(context.Context, directoryapi.KeysRequest) (json.RawMessage, error) { return keys, nil })
		},
		func() (bus.Subscription, error) {
			return api.Handle(t.Context(), s.bus, directoryapi.ServiceAccess, nil, func(context.Context, directoryapi.AccessRequest) (directoryapi.Access, error) {
				return directoryapi.Access{Role: directoryapi.RoleMember, Read: true, Send: true}, nil
			})
		},
	} {
		sub, err := serve()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(sub.Stop)
	}
	if s.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "history.db"), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	s.startHistory()
	for i := range s.edges {
		s.edges[i] = s.edge()
	}
	return s
}

// run makes parts of a service run until the function that it returns is called, or the test ends.
func (s *spine) run(parts ...func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	for _, run := range parts {
		wait.Go(func() {
			if err := run(ctx); err != nil {
				s.t.Error(err)
			}
		})
	}
	stop = sync.OnceFunc(func() { cancel(); wait.Wait() })
	s.t.Cleanup(stop)
	return stop
}

func (s *spine) startHistory() {
	s.t.Helper()
	b := s.open()
	cache := directoryapi.NewCache(b, zap.NewNop())
	h, err := history.New(history.Config{MaxTail: 20_000, MaxEdits: 100, Pages: 8}, history.Deps{
		Bus: b, Store: s.store, Verifier: auth.NewVerifier(directoryapi.NewClient(b).Keys), Cache: cache, Log: zap.NewNop(),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.stopHistory = s.run(cache.Run, h.Run)
	s.eventually("history serves", func() bool {
		_, err := historyapi.NewClient(s.bus).Sent(s.t.Context(), historyapi.SentRequest{Room: "r", User: "nobody", ID: "x"})
		return err == nil
	})
}

// edge starts an edge and returns where it listens.
func (s *spine) edge() string {
	s.t.Helper()
	var cfg edge.Config
	parser, err := kong.New(&cfg)
	if err == nil {
		_, err = parser.Parse([]string{"--listen", "127.0.0.1:0", "--loops", "1", "--drain", "0s"})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	b := s.open()
	cache := directoryapi.NewCache(b, zap.NewNop())
	e, err := edge.New(cfg, edge.Deps{Bus: b, Verifier: auth.NewVerifier(directoryapi.NewClient(b).Keys), Directory: cache})
	if err != nil {
		s.t.Fatal(err)
	}
	s.run(cache.Run, e.Run)
	return e.Addr().String()
}

func (s *spine) eventually(what string, cond func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(spinePatience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("never: %s", what)
		}
	}
}

// forget returns when the bus has forgotten the ids of all that was appended before.
func (s *spine) forget() {
	s.t.Helper()
	probe := func() uint64 {
		a, err := bus.Append(s.t.Context(), s.bus, bus.NewEntry{Room: "probe", Sender: "probe", ID: "probe", Data: []byte("_{}")})
		if err != nil {
			s.t.Fatal(err)
		}
		return a.Seq
	}
	first := probe()
	s.eventually("the bus forgets an id", func() bool { return probe() != first })
}

// log returns the ids of what the log has of the room, and all of its bytes.
func (s *spine) log() (ids []string, text string) {
	s.t.Helper()
	got, err := s.bus.Replay(s.t.Context(), "r", bus.Position{}, 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range got.Entries {
		ids, text = append(ids, e.ID), text+string(e.Data)
	}
	return ids, text
}

// talker is a socket in the room, with all entries that came to it.
type talker struct {
	*spine
	conn *websocket.Conn
	told []string // "type id text"
}

// heard is an event, with the fields that are of use here.
type heard struct {
	Type, ID, Text, Code string
	Seq                  uint64
	Prev                 *uint64
	TS                   int64
	RetryAfterMS         int `json:"retry_after_ms"`
	Messages             []chat.Message
}

// enter connects a user to an edge and joins the room.
func (s *spine) enter(edge int, user string) *talker {
	s.t.Helper()
	now := time.Now()
	token, err := auth.Sign(s.key, "k", auth.Claims{User: user, Name: user, Session: "s-" + user, Issued: now, Expires: now.Add(time.Hour)})
	if err != nil {
		s.t.Fatal(err)
	}
	conn, resp, err := websocket.Dial(s.t.Context(), "ws://"+s.edges[edge]+"/v1/ws", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.Body != nil {
		s.t.Cleanup(func() { _ = resp.Body.Close() })
	}
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	conn.SetReadLimit(1 << 20)
	c := &talker{spine: s, conn: conn}
	c.say(map[string]any{"type": "hello", "id": "hello", "version": 1, "token": token})
	c.until(func(e heard) bool { return e.Type == "welcome" })
	c.ask(map[string]any{"type": "join", "room": "r"})
	return c
}

func (c *talker) say(command map[string]any) {
	c.t.Helper()
	if err := wsjson.Write(c.t.Context(), c.conn, command); err != nil {
		c.t.Fatal(err)
	}
}

// until reads events until one is wanted, and returns that.
func (c *talker) until(wanted func(heard) bool) heard {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), spinePatience)
	defer cancel()
	for {
		var raw json.RawMessage
		var e heard
		if err := wsjson.Read(ctx, c.conn, &raw); err != nil {
			c.t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &e); err != nil && !strings.Contains(string(raw), `"bye"`) {
			c.t.Fatalf("%s: %v", raw, err)
		}
		if e.Prev != nil {
			c.told = append(c.told, strings.TrimSpace(e.Type+" "+e.ID+" "+e.Text))
		}
		if wanted(e) {
			return e
		}
	}
}

// ask sends a command and returns its answer.
func (c *talker) ask(command map[string]any) heard {
	c.t.Helper()
	command["id"] = "request"
	c.say(command)
	return c.until(func(e heard) bool { return e.Prev == nil && e.ID == "request" })
}

// send sends a message; retry marks it.
func (c *talker) send(id, text string, retry bool) heard {
	c.t.Helper()
	return c.ask(map[string]any{"type": "send", "room": "r", "msg_id": id, "text": text, "retry": retry})
}

// TestRepeatsThroughAnotherEdge repeats messages through another edge when the bus has forgotten
// their ids. They are acknowledged as they were, delivered to nobody on either edge, and stand in
// the log and the record once; one that was deleted stays deleted. With history away nobody knows,
// and nothing is appended.
func TestRepeatsThroughAnotherEdge(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(t *testing.T) string{
		"redis": func(t *testing.T) string { return bustest.Redis(t).URL() },
		"nats": func(t *testing.T) string {
			s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Shutdown)
			return s.URL()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSpine(t, url(t))
			one, other := s.enter(0, "ann"), s.enter(1, "ann")
			all := []*talker{one, other, s.enter(0, "bob"), s.enter(1, "eve")}

			sent := map[string]heard{}
			for _, id := range []string{"m1", "m2", "m3"} {
				ack := one.send(id, "text of "+id, false)
				if ack.Type != "ack" || ack.Seq == 0 {
					t.Fatalf("%s is answered %+v", id, ack)
				}
				sent[id] = ack
			}
			// Whoever is late is told of a deleted message without its text.
			for _, c := range all {
				for !slices.Contains(c.told, "msg m3 text of m3") {
					c.until(func(e heard) bool { return e.Prev != nil })
				}
			}
			if gone := one.ask(map[string]any{"type": "delete", "room": "r", "msg_id": "d2", "target": "m2"}); gone.Type != "ack" {
				t.Fatalf("the deletion is answered %+v", gone)
			}
			want := []string{"m1", "m3", "d2"}
			s.eventually("the log has the text no more", func() bool { ids, _ := s.log(); return slices.Equal(ids, want) })
			s.forget()
			repeat := func(what string) {
				t.Helper()
				for _, c := range []*talker{other, one} {
					for id, first := range sent {
						if ack := c.send(id, "text of "+id, true); ack.Type != "ack" || ack.Seq != first.Seq || ack.TS != first.TS {
							t.Errorf("%s: a repeat of %s is answered %+v, the first was %+v", what, id, ack, first)
						}
					}
				}
				if ids, text := s.log(); !slices.Equal(ids, want) || strings.Contains(text, "text of m2") {
					t.Errorf("%s: the log has %v: %s", what, ids, text)
				}
			}
			repeat("forgotten")

			s.stopHistory()
			for _, id := range []string{"m1", "m2", "m4"} { // m4 is new, which nobody can tell now
				if e := other.send(id, "text of "+id, true); e.Type != "error" || e.Code != chat.CodeUnavailable || e.RetryAfterMS == 0 {
					t.Errorf("without history a repeat of %s is answered %+v", id, e)
				}
			}
			if ids, _ := s.log(); !slices.Equal(ids, want) {
				t.Errorf("without history the log has %v", ids)
			}
			s.startHistory()
			repeat("history is back")

			// What is sent now comes after whatever was delivered by then.
			if ack := other.send("m4", "text of m4", true); ack.Type != "ack" || ack.Seq <= sent["m3"].Seq {
				t.Errorf("a new message that is marked is answered %+v", ack)
			}
			for i, c := range all {
				for !slices.Contains(c.told, "msg m4 text of m4") {
					c.until(func(e heard) bool { return e.Prev != nil })
				}
				if !slices.Equal(c.told, []string{"msg m1 text of m1", "msg m2 text of m2", "msg m3 text of m3", "deleted d2", "msg m4 text of m4"}) {
					t.Errorf("socket %d was told %q", i, c.told)
				}
			}
			var page []string
			for _, m := range other.ask(map[string]any{"type": "history", "room": "r"}).Messages {
				page = append(page, fmt.Sprint(m.ID, " ", m.Text, " ", m.Deleted))
			}
			if !slices.Equal(page, []string{"m1 text of m1 false", "m2  true", "m3 text of m3 false", "m4 text of m4 false"}) {
				t.Errorf("the record has %q", page)
			}
			// What is not marked shows that the bus had forgotten.
			s.forget()
			if ack := other.send("m1", "text of m1", false); ack.Seq <= sent["m3"].Seq {
				t.Errorf("the bus knows m1 still, so that this has tested nothing: %+v", ack)
			}
		})
	}
}
