package protocol

import (
	"encoding/binary"
	"testing"

	"github.com/gobwas/ws"

	"hubbub.internal/services/edge/internal/rooms"
)

// TestDeliveryAllocatesNothing brings entries to 1,000 sockets, half of which read the ring's
// second form.
func TestDeliveryAllocatesNothing(t *testing.T) {
	s, l := newTestShard(t)
	l.got = nil
	const sockets = 1000
	var f *rooms.RoomTopic
	for slot := range uint32(sockets) {
		admitWith(s, slot, slot%2 == 0)
		id, _ := seat(s, slot, "lobby")
		f = s.rooms.Topic(id)
	}
	e := entry("lobby", 1, 0, 100)
	deliver := func() {
		for range 3 {
			e.Seq, e.Prev = e.Seq+1, e.Seq
			f.Log().Entry(e)
		}
		for s.conn.Turn() == 0 {
		}
	}
	for range 100 { // the ring and the loop's memory reach their size
		deliver()
	}
	before := l.wrote
	// Other tests' goroutines may allocate meanwhile, so the least of a few is what counts.
	least := testing.AllocsPerRun(100, deliver)
	for range 4 {
		least = min(least, testing.AllocsPerRun(100, deliver))
	}
	if least != 0 {
		t.Errorf("%v allocations for %d deliveries", least, 3*sockets)
	}
	if l.wrote-before < 5*101*3*sockets*100 {
		t.Errorf("wrote %d bytes", l.wrote-before)
	}
}

// TestSendAllocatesNothing takes a message in, hands it to the bus, and acknowledges it.
func TestSendAllocatesNothing(t *testing.T) {
	s, l := newTestShard(t)
	l.got = nil
	admit(s, 0)
	seat(s, 0, "lobby")
	allow(t, s, "user0", "lobby")
	command := []byte(`{"type":"send","id":"1","room":"lobby","msg_id":"0192f3c4-8b2d-7a41-b5a3-5d1f0e6c2b7a","text":"hello, \"world\"","reply_to":"m1","reply_author":"u1","thread":{"author":"u1","id":"m0"},"broadcast":true}`)
	frame := make([]byte, 0, 300)
	send := func() {
		frame = append(frame[:0], 0x81, 0x80|126)
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(command)))
		frame = append(frame, 1, 2, 3, 4)
		at := len(frame)
		frame = append(frame, command...)
		ws.Cipher(frame[at:], [4]byte{1, 2, 3, 4}, 0)
		s.conn.Received(0, frame)
		s.conn.Turn()
	}
	for range 10 {
		send()
	}
	b := s.hub.bus.(*countingBus)
	before := b.seq
	if n := testing.AllocsPerRun(100, send); n != 0 {
		t.Errorf("%v allocations for a send", n)
	}
	if b.seq-before != 101 {
		t.Errorf("%d of 101 sends reached the bus", b.seq-before)
	}
}
