package edge_test

import (
	"testing"
	"time"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// TestPeople asks who is online, and watches.
func TestPeople(t *testing.T) {
	w := newWorld(t)
	w.online = presence.Who{Count: 3, Users: []presence.Person{{User: "ann", Name: "Ann \"A\"", Status: presence.Online}, {User: "bob", Name: "Bob", Status: presence.Idle}}}
	e := w.edge()
	ann := w.login(e, "ann")
	ann.join("lobby")
	ann.send(`{"type":"who","id":"1","room":"lobby"}`)
	if e := ann.want("who"); e.ID != "1" || e.Room != "lobby" || e.Count != 3 || len(e.Users) != 2 || e.Users[1].Status != "idle" {
		t.Errorf("who is %+v", e)
	}
	ann.send(`{"type":"send","id":"2","room":"lobby","msg_id":"m","text":"\u002flist-users"}`)
	if e := ann.event(); e.Type != "ack" || e.ID != "2" || e.Seq != 0 || e.MsgID != "m" {
		t.Errorf("ack is %+v", e)
	}
	if e := ann.event(); e.Type != "notice" || e.ID != "2" || e.Code != "users" || e.Text != "3 online: Ann \"A\", Bob and others" || len(e.Users) != 2 {
		t.Errorf("notice is %+v", e)
	}
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

// TestReports shows what the presence service is told of sessions.
func TestReports(t *testing.T) {
	w := newWorld(t)
	reports := make(chan []byte, 1000)
	sub, err := w.bus.Subscribe(t.Context(), presence.ChannelEdges, func(b []byte) { reports <- append([]byte(nil), b...) })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop()
	e := w.edge(func(c *edge.Config) { c.EdgeID = "edge-1" })
	ann := w.login(e, "ann")
	ann.join("lobby")
	ann.send(`{"type":"status","id":"1","status":"idle"}`)
	ann.want("ack")
	var incarnation uint64
	sessions := map[uint64]presence.Session{}
	read := func(done func() bool) {
		t.Helper()
		for !done() {
			select {
			case b := <-reports:
				m, err := presence.DecodeReport(b)
				if err != nil {
					t.Fatal(err)
				}
				incarnation = m.Incarnation
				applyReport(t, sessions, &m)
			case <-time.After(patience):
				t.Fatalf("sessions are %+v", sessions)
			}
		}
	}
	one := func(ok func(s presence.Session) bool) func() bool {
		return func() bool {
			for _, s := range sessions {
				return ok(s)
			}
			return false
		}
	}
	read(one(func(s presence.Session) bool {
		return s.User == "ann" && s.Name == "Name of ann" && s.Device == "bot" && s.Status == presence.Idle && len(s.Rooms) == 1 && s.Rooms[0] == "lobby"
	}))
	chunk, err := presence.FetchSnapshot(t.Context(), w.bus, "edge-1", incarnation, presence.SnapshotRequest{})
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
	read(one(func(s presence.Session) bool { return len(s.Rooms) == 0 }))
	_ = ann.conn.Close()
	read(func() bool { return len(sessions) == 0 })
}
