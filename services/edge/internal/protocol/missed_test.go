package protocol

import (
	"encoding/binary"
	"strings"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
)

// TestFailedRejoinChangesNothing: a room that is live stays so, with all that came meanwhile, when
// a join of it again fails.
func TestFailedRejoinChangesNothing(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.enter("lobby")
		r.server.Fail(func(call, _ string) error {
			if call == "Replay" {
				return bus.ErrUnavailable
			}
			return nil
		})
		ann.write(`{"type":"join","id":"again","room":"lobby","after":{"seq":1,"id":"before"}}`)
		r.start("lobby", "meanwhile")
		r.settle()
		all := ann.all()
		if f := answered(all, "again"); f.Code != chat.CodeUnavailable {
			t.Fatalf("answered with %+v", all)
		}
		if n := len(all); n != 2 || all[n-1].ID != "meanwhile" {
			t.Errorf("what came meanwhile: %+v", all)
		}
		r.message("lobby", "later")
		ann.want("msg", "later")
		r.server.Fail(nil)
		ann.say(`{"type":"send","id":"s","room":"lobby","msg_id":"m","text":"x"}`)
		if f := answered(ann.all(), "s"); f.Type != "ack" {
			t.Errorf("a send after it: %s", f.raw)
		}
	})
}

// TestMissed: when a room's entries were trimmed before they came, everybody in the room is sent
// away to come back and read them from the record, and is told of no rewind. Others stay.
func TestMissed(t *testing.T) {
	s, l := plainShard()
	for slot := range uint32(2) {
		admit(s, slot)
	}
	id, _ := seat(s, 0, "lobby")
	seat(s, 1, "other")
	f := s.rooms.Topic(id)
	f.Log().Entry(entry("lobby", 5, 0, 10))
	s.conn.Turn()
	f.Log().Missed("lobby", 9)
	f.Log().Entry(entry("lobby", 12, 9, 10))
	s.conn.Turn()
	s.conn.Turn() // the farewell
	got := string(l.got[0])
	if !strings.Contains(got, `"seq":5,`) || strings.Contains(got, `"seq":12,`) || strings.Contains(got, "rewind") {
		t.Errorf("sent %q", got)
	}
	if code := binary.BigEndian.AppendUint16(nil, uint16(wire.CloseResume)); !strings.Contains(got, string(code)) {
		t.Errorf("not told to come back: %q", got)
	}
	if s.conn.State(0) == conn.Ready || s.conn.State(1) != conn.Ready {
		t.Errorf("the sessions' states are %d and %d", s.conn.State(0), s.conn.State(1))
	}
}
