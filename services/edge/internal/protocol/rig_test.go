package protocol

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/uptime"
)

// rig is a hub with the services that it asks, all on one bus in memory and in a bubble: the clock
// is the test's, and the loops turn when the test says so, in its own goroutine.
type rig struct {
	t      tester
	server *membus.Server
	bus    *membus.Bus // of the services
	hub    *Hub
	shards []*Shard
	loops  []*fakeLoop
	key    ed25519.PrivateKey
	next   uint32 // slot

	mu      sync.Mutex
	access  map[[2]string]directory.Access // by user and room; others are members
	gone    []string                       // users who have deleted their accounts
	failing map[string]error               // services, by name
	asked   map[string]int                 // requests, by service
	applied []history.ApplyRequest
	reads   []history.ReadRequest
	marks   []history.MarkRequest
	record  []history.Entry                                   // what history has, for since
	since   func(history.SinceRequest) (history.Since, error) // instead of record, unless it is nil
	told    told
	passed  []string // what was read of connections that went to the HTTP server
}

// tester is a test, or a check of a property.
type tester interface {
	Helper()
	Context() context.Context
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

var member = directory.Access{Role: directory.RoleMember, Read: true, Send: true, Small: true}

// rigged runs a test on a hub with so many loops.
func rigged(t *testing.T, loops int, test func(r *rig)) {
	riggedWith(t, loops, func(*Options) {}, test)
}

func riggedWith(t *testing.T, loops int, set func(*Options), test func(r *rig)) {
	synctest.Test(t, func(t *testing.T) { withRig(t, loops, set, test) })
}

// withRig is for who is in a bubble.
func withRig(t tester, loops int, set func(*Options), test func(r *rig)) {
	defer uptime.SetStart(time.Now().Add(-time.Hour))() // the bubble's clock is years behind
	r := &rig{
		t: t, server: membus.NewServer(membus.Options{}), access: map[[2]string]directory.Access{},
		failing: map[string]error{}, asked: map[string]int{},
	}
	r.bus = r.server.Open()
	defer func() { _ = r.bus.Close() }()
	var public ed25519.PublicKey
	var err error
	if public, r.key, err = ed25519.GenerateKey(nil); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.EncodeKeys([]auth.PublicKey{{ID: "k", Key: public}})
	if err != nil {
		t.Fatal(err)
	}
	serve(r, directory.ServiceKeys, func(directory.KeysRequest) (json.RawMessage, error) { return keys, nil })
	serve(r, directory.ServiceAccess, func(q directory.AccessRequest) (directory.Access, error) {
		if a, ok := r.access[[2]string{q.User, q.Room}]; ok {
			return a, nil
		}
		return member, nil
	})
	serve(r, directory.ServiceDeparted, func(q directory.DepartedRequest) (reply directory.DepartedReply, _ error) {
		for _, user := range q.Users {
			if slices.Contains(r.gone, user) {
				reply.Departed = append(reply.Departed, user)
			}
		}
		return reply, nil
	})
	serve(r, history.ServicePage, func(history.PageRequest) (history.Page, error) {
		return history.Page{Messages: []chat.Message{}}, nil
	})
	serve(r, history.ServiceInbox, func(q history.InboxRequest) (history.Inbox, error) {
		return history.Inbox{Rooms: []chat.InboxRoom{{Room: "lobby", Unread: 3}}, Next: q.User + q.Room + q.Next}, nil
	})
	serve(r, history.ServiceMark, func(q history.MarkRequest) (history.MarkReply, error) {
		r.marks = append(r.marks, q)
		return history.MarkReply{}, nil
	})
	serve(r, history.ServiceApply, func(q history.ApplyRequest) (history.Applied, error) {
		r.applied = append(r.applied, q)
		return history.Applied{Seq: 7}, nil
	})
	serve(r, history.ServiceRead, func(q history.ReadRequest) (history.ReadReply, error) {
		r.reads = append(r.reads, q)
		return history.ReadReply{}, nil
	})
	serve(r, history.ServiceSince, func(q history.SinceRequest) (history.Since, error) {
		if r.since != nil {
			return r.since(q)
		}
		out := history.Since{Through: q.After}
		for _, e := range r.record {
			if e.Seq > q.After {
				out.Entries, out.Through = append(out.Entries, e), e.Seq
			}
		}
		return out, nil
	})
	serve(r, presence.ServiceWho, func(presence.WhoRequest) (presence.Who, error) {
		return presence.Who{Count: 1, Users: []presence.Person{}}, nil
	})
	// ends with the bus
	if _, err := r.bus.Subscribe(t.Context(), presence.ChannelEdges, func(msg []byte) { r.told.receive(msg) }); err != nil {
		t.Fatal(err)
	}
	o := testOptions()
	o.Heartbeat = time.Minute
	set(&o)
	edge := r.server.Open()
	defer func() { _ = edge.Close() }()
	cache := directory.NewCache(edge, zap.NewNop())
	r.hub = New(o, Deps{Bus: edge, Verifier: auth.NewVerifier(directory.NewClient(edge).Keys), Access: cache, Log: zap.NewNop(), HTTP: func(c net.Conn, b []byte) { r.passed = append(r.passed, string(b)) }})
	for range loops {
		l := newFakeLoop()
		r.hub.Shard(l)
		r.loops, r.shards = append(r.loops, l), r.hub.shards
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = cache.Run(ctx) })
	wg.Go(func() { _ = r.hub.Run(ctx) })
	defer func() { // also when the test has given up
		r.hub.Stopped()
		cancel()
		wg.Wait()
		if n := r.hub.rooms.Listening(); n != 0 {
			t.Errorf("%d channels are still listened to", n)
		}
	}()
	r.settle()
	test(r)
	r.checkTold()
}

// serve has a service answered on the rig's bus.
func serve[Req, Rep any](r *rig, name string, answer func(Req) (Rep, error)) {
	sub, err := api.Handle(r.t.Context(), r.bus, name, nil, func(_ context.Context, q Req) (Rep, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked[name]++
		if err := r.failing[name]; err != nil {
			var none Rep
			return none, err
		}
		return answer(q)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	_ = sub // ends with the bus
}

// settle runs the loops until nothing can happen now.
func (r *rig) settle() {
	for busy := true; busy; {
		synctest.Wait()
		busy = false
		for i, s := range r.shards {
			if r.loops[i].woken.Swap(false) || s.conn.Probe().Queued() > 0 || s.fan.Probe().Dirty() > 0 {
				s.conn.Turn()
				busy = true
			}
		}
	}
}

// pass lets time go by, with a turn of each loop for each conn.TickEvery.
func (r *rig) pass(d time.Duration) {
	for ; d > 0; d -= conn.TickEvery {
		time.Sleep(conn.TickEvery)
		for _, s := range r.shards {
			s.conn.Turn()
		}
		r.settle()
	}
}

// empty checks that the hub holds nothing of sessions, when all have ended and the rooms' time to
// rooms.Linger has passed.
func (r *rig) empty() {
	r.t.Helper()
	h := r.hub
	topics := h.rooms.Followed()
	if n := h.Sockets(); n != 0 || topics != 0 {
		r.t.Errorf("%d sockets are counted, %d rooms followed", n, topics)
	}
	for i, s := range r.shards {
		own := s.sess.Probe().Users() + s.own.Probe().Reads()
		left := map[string]int{
			"subs": s.fan.Count(), "places ahead of a ring": s.fan.Probe().Ahead(), "joins": s.rooms.Probe().Joins(), "wishes": s.rooms.Probe().Wanted(), "waits": s.rooms.Probe().Waits(), "rechecks": s.rooms.Probe().Rechecks(), "paces": len(s.paces), "timers": s.conn.Probe().Timers(),
			"bytes of buffers": s.conn.Probe().Held(), "own rooms": own, "lapsed": s.sess.Probe().Lapsed(), "queued": s.conn.Probe().Queued(), "rooms with news": s.fan.Probe().Dirty(), "rooms that wait": s.fan.Probe().Waiting(),
		}
		for what, n := range left {
			if n != 0 {
				r.t.Errorf("loop %d holds %d %s", i, n, what)
			}
		}
		for slot := range s.conn.Slots() {
			if s.conn.State(slot) != conn.Free || s.sends.Busy(slot) || !s.sess.Probe().Empty(slot) || !s.conn.Probe().Idle(slot) {
				r.t.Errorf("loop %d holds something of slot %d", i, slot)
			}
		}
	}
}

// fail makes a service fail from now on; nil ends that.
func (r *rig) fail(service string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing[service] = err
}

// permit says what a user may do, and has the directory tell it.
func (r *rig) permit(user, room string, a directory.Access, change directory.Change) {
	r.t.Helper()
	r.mu.Lock()
	r.access[[2]string{user, room}] = a
	r.mu.Unlock()
	data, err := directory.EncodeChange(change)
	if err != nil {
		r.t.Fatal(err)
	}
	r.append(bus.NewEntry{Room: chat.ControlRoom, Sender: "directory", ID: chat.NewID(), Data: data})
}

func (r *rig) append(e bus.NewEntry) uint64 {
	r.t.Helper()
	a, err := bus.Append(r.t.Context(), r.bus, e)
	if err != nil {
		r.t.Fatal(err)
	}
	r.settle()
	return a.Seq
}

// put appends an entry of a user's, as another edge or history does.
func (r *rig) put(e chat.Event) uint64 {
	r.t.Helper()
	data, err := chat.AppendEntry(nil, e)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.append(bus.NewEntry{Room: e.Room, Sender: e.User, ID: e.ID, Data: data})
}

// message appends a message of somebody on another edge.
func (r *rig) message(room, id string) uint64 {
	r.t.Helper()
	return r.append(bus.NewEntry{Room: room, Sender: "far", ID: id, Data: message(room, id)})
}

func message(room, id string) []byte {
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: room, ID: id, User: "far", Text: id})
	if err != nil {
		panic(err)
	}
	return data
}

// token is one of a user's session.
func (r *rig) token(user string, valid time.Duration) string {
	r.t.Helper()
	now := time.Now()
	token, err := auth.Sign(r.key, "k", auth.Claims{User: user, Name: strings.ToUpper(user), Session: "s-" + user, Issued: now, Expires: now.Add(valid)})
	if err != nil {
		r.t.Fatal(err)
	}
	return token
}
