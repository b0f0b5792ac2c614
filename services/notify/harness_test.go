package notify

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/notify/pushtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a notify service on a bus in memory, with a directory, a history and a presence that
// answer what the test wants, and a push service.
type world struct {
	*Service
	t      *testing.T
	bus    bus.Interface
	server *membus.Server
	push   *pushtest.Server
	stop   func()

	mu       sync.Mutex
	people   map[string]*directoryapi.Person
	outside  map[string]bool // who may not read "closed"
	left     map[string]bool // by user: history knows no room of theirs
	direct   []string        // the members of the direct room
	active   []string
	dnd      []string
	inbox    map[string]chat.InboxRoom // by user; without one, nothing is read
	pages    map[uint64]chat.Message
	away     map[string]bool // services that do not answer
	lapsed   []directoryapi.LapsedRequest
	asked    map[string]int
	messages int
}

func quick() Config {
	return Config{
		Delay: 20 * time.Millisecond, Again: time.Hour, TooOld: 10 * time.Minute, PerHour: 10_000, Pending: 1000, PushLife: time.Hour,
		PushTimeout: time.Minute, Pushes: 100, PushPrivate: true, Contact: "op@chat.example",
	}
}

// open starts a world in which ann, bob and cyd have a device each.
func open(t *testing.T, cfg Config, choose map[string]attention.Choices) *world {
	t.Helper()
	w := &world{
		t: t, server: membus.NewServer(membus.Options{}), push: pushtest.New(t), people: map[string]*directoryapi.Person{}, outside: map[string]bool{}, left: map[string]bool{},
		inbox: map[string]chat.InboxRoom{}, pages: map[uint64]chat.Message{}, away: map[string]bool{}, asked: map[string]int{},
	}
	for _, user := range []string{"ann", "bob", "cyd"} {
		w.people[user] = &directoryapi.Person{User: user, Choices: choose[user], Devices: []directoryapi.Device{w.push.Device(user + "-1")}}
	}
	w.bus = w.server.Open()
	w.answer()
	s := New(cfg, Deps{Bus: w.server.Open(), Access: w, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), TLS: w.push.Trust()})
	w.Service = s
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		w.stop()
		_ = s.bus.Close()
		_ = w.bus.Close()
	})
	w.eventually("it is ready", func() bool { return s.Ready(t.Context()) == nil })
	return w
}

func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("timed out: %s", what)
		}
	}
}

// Access implements Access.
func (w *world) Access(_ context.Context, user, room string) (directoryapi.Access, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return directoryapi.Access{Read: room != "closed" || !w.outside[user]}, nil
}

// serve answers requests to another service.
func serve[Req, Rep any](w *world, service string, answer func(Req) Rep) {
	w.t.Helper()
	sub, err := api.Handle(w.t.Context(), w.bus, service, nil, func(_ context.Context, r Req) (rep Rep, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.asked[service]++; w.away[service] {
			return rep, chat.Unavailable("it is away", time.Second)
		}
		return answer(r), nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { sub.Stop() })
}

func (w *world) answer() {
	key := pushtest.Keys(w.t)
	serve(w, directoryapi.ServicePushKey, func(directoryapi.PushKeyRequest) directoryapi.PushKey { return key })
	serve(w, directoryapi.ServiceReachable, func(directoryapi.ReachableRequest) (out directoryapi.Reachable) {
		for _, p := range w.people {
			l := directoryapi.Listener{User: p.User, Choices: p.Choices}
			if p.Choices.Level == attention.Everything {
				l.Rooms = []string{"lobby"}
			}
			out.People = append(out.People, l)
		}
		return out
	})
	serve(w, directoryapi.ServiceReach, func(r directoryapi.ReachRequest) directoryapi.Reach {
		out := directoryapi.Reach{Name: "Lobby"}
		if chat.IsDirect(r.Room) {
			out = directoryapi.Reach{Direct: true}
			if r.Users == nil {
				r.Users = w.direct
			}
		}
		for _, u := range r.Users {
			if p := w.people[u]; p != nil && !(r.Room == "closed" && w.outside[u]) {
				mine := *p
				mine.Hidden = slices.DeleteFunc(slices.Clone(p.Hidden), func(h string) bool { return !slices.Contains(r.Senders, h) })
				out.People = append(out.People, mine)
			}
		}
		return out
	})
	serve(w, directoryapi.ServiceDevices, func(r directoryapi.DevicesRequest) (out directoryapi.Devices) {
		if p := w.people[r.User]; p != nil {
			out.Devices = slices.DeleteFunc(slices.Clone(p.Devices), func(d directoryapi.Device) bool { return d.Session != r.Session })
		}
		return out
	})
	serve(w, directoryapi.ServiceLapsed, func(r directoryapi.LapsedRequest) (out directoryapi.LapsedReply) {
		w.lapsed = append(w.lapsed, r)
		return out
	})
	serve(w, presenceapi.ServiceActive, func(presenceapi.ActiveRequest) presenceapi.Active {
		return presenceapi.Active{Active: w.active, DND: w.dnd}
	})
	serve(w, historyapi.ServiceInbox, func(r historyapi.InboxRequest) historyapi.Inbox {
		if w.left[r.User] {
			return historyapi.Inbox{}
		}
		room, ok := w.inbox[r.User]
		if !ok {
			room = chat.InboxRoom{Through: chat.Forever, Unread: 1, Mentions: 1}
		}
		room.Room = r.Room
		return historyapi.Inbox{Rooms: []chat.InboxRoom{room}}
	})
	serve(w, historyapi.ServicePage, func(r historyapi.PageRequest) (out historyapi.Page) {
		if m, ok := w.pages[r.Around]; ok {
			out.Messages = []chat.Message{m}
		}
		return out
	})
}

// change changes what the other services answer.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// append appends an event, and returns its Seq.
func (w *world) append(e chat.Event) uint64 {
	w.t.Helper()
	if e.ID == "" {
		w.messages++
		e.ID = chat.NewID()
	}
	if e.TS == 0 {
		e.TS = time.Now().UnixMilli()
	}
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

func (w *world) says(room, user, text string) uint64 {
	w.t.Helper()
	return w.append(chat.Event{Type: chat.TypeMsg, Room: room, User: user, Name: user, Text: text})
}

// mentioned appends that a message mentions a user, as history does.
func (w *world) mentioned(user, room, by string, seq uint64, on bool) {
	w.t.Helper()
	w.append(chat.Event{Type: chat.TypeMentioned, Room: chat.UserRoom(user), Target: room, User: by, Name: by, At: seq, On: on})
}

// gets waits for a push.
func (w *world) gets() (session string, n notice) {
	w.t.Helper()
	got := w.push.Next()
	if err := json.Unmarshal([]byte(got.Payload), &n); err != nil {
		w.t.Fatal(err)
	}
	return got.Session, n
}

// nothingElse checks that nobody gets a further notice: the next push is that of a message that it
// appends last.
func (w *world) nothingElse() {
	w.t.Helper()
	w.eventually("nothing waits", func() bool { return w.bus.CatchUp(w.t.Context(), group) == nil && w.queue.Len() == 0 })
	seq := w.says("end", "zed", "")
	w.change(func() { w.active, w.dnd, w.away = nil, nil, map[string]bool{} })
	w.mentionedAll("end", seq)
	for range 3 {
		if session, n := w.gets(); n.Room != "end" {
			w.t.Errorf("%s gets %+v", session, n)
		}
	}
}

func (w *world) mentionedAll(room string, seq uint64) {
	w.t.Helper()
	w.append(chat.Event{Type: chat.TypeMentioned, Room: room, User: "zed", Name: "zed", At: seq, On: true})
}
