package protocol

import (
	"bytes"
	"encoding/binary"
	"testing"

	"hubbub.internal/libs/wire"
)

// closedWith returns the code of the close frame that a session's output ends with, when all of it
// can be written.
func (l *fakeLoop) closedWith(s *Shard, slot uint32) wire.CloseCode {
	delete(l.room, slot)
	if l.short[slot] {
		l.short[slot] = false
		s.conn.Writable(slot)
	}
	s.conn.Turn()
	at := bytes.LastIndexByte(l.got[slot], 0x88)
	if at < 0 || len(l.got[slot]) < at+4 {
		return 0
	}
	return wire.CloseCode(binary.BigEndian.Uint16(l.got[slot][at+2:]))
}

// TestOutstanding lets more wait for a socket that takes nothing than may.
func TestOutstanding(t *testing.T) {
	s, l := plainShard()
	s.hub.conn.Options.Outstanding = 1000
	for slot := range uint32(2) {
		admit(s, slot)
		l.room[slot] = 0
		s.conn.Push(slot, make([]byte, 500))
	}
	s.conn.Turn()
	s.conn.Push(0, make([]byte, 600))
	s.conn.Push(1, make([]byte, 300))
	s.conn.Turn()
	if code := l.closedWith(s, 0); code != wire.CloseResume {
		t.Errorf("the socket with too much was closed with %d", code)
	}
	if code := l.closedWith(s, 1); code != 0 {
		t.Errorf("the other socket was closed with %d", code)
	}
}

// TestBuffersFull: more incomplete frames come than there is memory for: those that want it are
// closed, and it is given back.
func TestBuffersFull(t *testing.T) {
	s, l := plainShard()
	s.conn.Probe().SetBuffers(4096)
	half := maskedText(`{"type":"ping","id":"` + pad(6000) + `"}`)
	half = half[:5000]
	for slot := range uint32(3) {
		admit(s, slot)
		s.conn.Received(slot, bytes.Clone(half))
	}
	s.conn.Turn()
	if code := l.closedWith(s, 0); code != 0 {
		t.Errorf("the first was closed with %d", code)
	}
	for slot := uint32(1); slot < 3; slot++ {
		if code := l.closedWith(s, slot); code != wire.CloseOverloaded {
			t.Errorf("socket %d was closed with %d", slot, code)
		}
	}
	s.conn.Gone(0)
	s.conn.Turn()
	if held := s.hub.conn.Held(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
	admit(s, 3)
	s.conn.Received(3, bytes.Clone(half))
	if code := l.closedWith(s, 3); code != 0 {
		t.Errorf("with memory again one was closed with %d", code)
	}
}
