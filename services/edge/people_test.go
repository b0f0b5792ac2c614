package edge_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// TestPeople asks who is online, and watches.
func TestPeople(t *testing.T) {
	w := newWorld(t)
	w.online = presence.Who{Count: 3, Next: "bob", Users: []presence.Person{{User: "ann", Name: "Ann \"A\"", Status: presence.Online}, {User: "bob", Name: "Bob", Status: presence.Idle}}}
	e := w.edge()
	ann := w.login(e, "ann")
	ann.join("lobby")
	ann.send(`{"type":"who","id":"1","room":"lobby"}`)
	if e := ann.want("who"); e.ID != "1" || e.Room != "lobby" || e.Count != 3 || len(e.Users) != 2 || e.Users[1].Status != "idle" || e.Next != "bob" {
		t.Errorf("who is %+v", e)
	}
	ann.send(`{"type":"who","id":"1","room":"lobby","next":"bob"}`)
	ann.want("who")
	ann.send(`{"type":"send","id":"2","room":"lobby","msg_id":"m","text":"\u002flist-users"}`)
	if e := ann.event(); e.Type != "ack" || e.ID != "2" || e.Seq != 0 || e.MsgID != "m" {
		t.Errorf("ack is %+v", e)
	}
	if e := ann.event(); e.Type != "notice" || e.ID != "2" || e.Code != "users" || e.Text != "3 online: Ann \"A\", Bob and others" || e.Count != 3 || len(e.Users) != 2 {
		t.Errorf("notice is %+v", e)
	}
	w.mu.Lock()
	if want := []presence.WhoRequest{{Room: "lobby"}, {Room: "lobby", After: "bob"}, {Room: "lobby", After: presence.FromStart}}; !slices.Equal(w.asked, want) {
		t.Errorf("asked for %+v", w.asked)
	}
	w.mu.Unlock()
	for range 2 {
		ann.send(`{"type":"watch","id":"3","room":"lobby","on":true}`)
		ann.want("ack")
	}
	tell := func() {
		if err := w.bus.Publish(presence.ChannelOf("lobby"), []byte(`{"users":[{"user":"bob","name":"Bob","status":"offline"}],"count":1}`)); err != nil {
			t.Fatal(err)
		}
	}
	tell()
	if e := ann.event(); e.Type != "presence" || e.Room != "lobby" || e.Count != 1 || e.Users[0].User != "bob" {
		t.Errorf("presence is %+v", e)
	}
	ann.send(`{"type":"watch","id":"4","room":"lobby","on":false}`)
	ann.want("ack")
	tell()
	ann.say("lobby", "m2", "nothing of bob")
	for _, e := range ann.kept {
		if e.Type == wire.EventPresence {
			t.Errorf("got %+v after it was turned off", e)
		}
	}
}

// told follows what an edge tells the presence service of its sessions.
type told struct {
	t           *testing.T
	reports     chan []byte
	incarnation uint64
	sessions    map[uint64]presence.Session
}

func listen(t *testing.T, w *world) *told {
	t.Helper()
	l := &told{t: t, reports: make(chan []byte, 1000), sessions: map[uint64]presence.Session{}}
	sub, err := w.bus.Subscribe(t.Context(), presence.ChannelEdges, func(b []byte) { l.reports <- append([]byte(nil), b...) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Stop)
	return l
}

// until reads reports until done.
func (l *told) until(done func() bool) {
	l.t.Helper()
	late := time.After(patience)
	for !done() {
		select {
		case b := <-l.reports:
			m, err := presence.DecodeReport(b)
			if err != nil {
				l.t.Fatal(err)
			}
			l.incarnation = m.Incarnation
			applyReport(l.t, l.sessions, &m)
		case <-late:
			l.t.Fatalf("sessions are %+v", l.sessions)
		}
	}
}

// one reads reports until one session is right.
func (l *told) one(ok func(s presence.Session) bool) {
	l.t.Helper()
	l.until(func() bool {
		for _, s := range l.sessions {
			return ok(s)
		}
		return false
	})
}

// TestReports shows what the presence service is told of sessions.
func TestReports(t *testing.T) {
	w := newWorld(t)
	l := listen(t, w)
	e := w.edge(func(c *edge.Config) { c.EdgeID = "edge-1" })
	ann := w.login(e, "ann")
	ann.join("lobby")
	ann.send(`{"type":"status","id":"1","status":"idle"}`)
	ann.want("ack")
	l.one(func(s presence.Session) bool {
		return s.User == "ann" && s.Name == "Name of ann" && s.Device == "bot" && s.Status == presence.Idle && len(s.Rooms) == 1 && s.Rooms[0] == "lobby"
	})
	chunk, err := presence.FetchSnapshot(t.Context(), w.bus, "edge-1", l.incarnation, presence.SnapshotRequest{})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	if err := chunk.Each(&presence.Change{}, func(c *presence.Change) {
		if string(c.User) == "ann" && len(c.Rooms) == 1 {
			found++
		}
	}); err != nil || found != 1 {
		t.Errorf("the snapshot has ann %d times, %v", found, err)
	}
	ann.send(`{"type":"leave","id":"2","room":"lobby"}`)
	ann.want("ack")
	l.one(func(s presence.Session) bool { return len(s.Rooms) == 0 })
	_ = ann.conn.Close()
	l.until(func() bool { return len(l.sessions) == 0 })
}

// TestAway shows as idle who does nothing, until they do something; not who has set a status, and
// pings are nothing.
func TestAway(t *testing.T) {
	w := newWorld(t)
	l := listen(t, w)
	e := w.edge(func(c *edge.Config) { c.EdgeID, c.Ping, c.Away = "edge-1", 100*time.Millisecond, 200*time.Millisecond })
	ann := w.login(e, "ann")
	is := func(status presence.Status) func(presence.Session) bool {
		return func(s presence.Session) bool { return s.Status == status }
	}
	ann.join("lobby")
	// A socket that is alive all the time, and whose user does something when busy. Busy lasts
	// until it has been told: reports tell the latest status only, and this user is away before
	// long.
	var busy atomic.Bool
	busy.Store(true)
	stop := make(chan struct{})
	var wait sync.WaitGroup
	ping := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"type":"ping"}`))))
	typing := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"type":"typing","room":"lobby"}`))))
	wait.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				frame := ping
				if busy.Load() {
					frame = typing
				}
				_, _ = ann.conn.Write(frame)
			}
		}
	})
	quiet := sync.OnceFunc(func() {
		close(stop)
		wait.Wait()
	})
	defer quiet()
	back := func() {
		busy.Store(true)
		l.one(is(presence.Online))
		busy.Store(false)
	}
	for range 2 {
		back()
		l.one(is(presence.Idle))
	}
	ann.send(`{"type":"status","id":"1","status":"dnd"}`)
	ann.want("ack")
	l.one(is(presence.DND))
	ann.send(`{"type":"status","id":"2","status":"online"}`)
	ann.want("ack")
	back()
	l.one(is(presence.Idle))
	quiet()
	// What a snapshot says agrees with what was told.
	chunk, err := presence.FetchSnapshot(t.Context(), w.bus, "edge-1", l.incarnation, presence.SnapshotRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := chunk.Each(&presence.Change{}, func(c *presence.Change) {
		if c.Status != presence.Idle {
			t.Errorf("the snapshot has %s as %s", c.User, c.Status)
		}
	}); err != nil {
		t.Error(err)
	}
}
