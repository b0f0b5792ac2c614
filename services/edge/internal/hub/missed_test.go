package hub

import (
	"encoding/binary"
	"strings"
	"testing"

	"hubbub.internal/libs/wire"
)

// TestMissed: when a room's entries were trimmed before they came, everybody in the room is sent away to come back and read
// them from the record, and is told of no rewind. Others stay.
func TestMissed(t *testing.T) {
	s, l := plainShard()
	for slot := range uint32(2) {
		s.admit(slot)
	}
	id, _ := s.seat(0, "lobby")
	s.seat(1, "other")
	f := s.subs.at(id).aud.feed
	f.Entry(entry("lobby", 5, 0, 10))
	s.Turn()
	f.Missed("lobby", 9)
	f.Entry(entry("lobby", 12, 9, 10))
	s.Turn()
	s.Turn() // the farewell
	got := string(l.got[0])
	if !strings.Contains(got, `"seq":5,`) || strings.Contains(got, `"seq":12,`) || strings.Contains(got, "rewind") {
		t.Errorf("sent %q", got)
	}
	if code := binary.BigEndian.AppendUint16(nil, uint16(wire.CloseResume)); !strings.Contains(got, string(code)) {
		t.Errorf("not told to come back: %q", got)
	}
	if s.sessions.at(0).state == stReady || s.sessions.at(1).state != stReady {
		t.Errorf("the sessions' states are %d and %d", s.sessions.at(0).state, s.sessions.at(1).state)
	}
}
