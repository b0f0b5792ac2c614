package protocol

import (
	"encoding/binary"
	"testing"

	"github.com/gobwas/ws"
)

// BenchmarkDelivery brings an entry to 1,000 sockets of a room, without the system calls.
func BenchmarkDelivery(b *testing.B) {
	s, l := newTestShard(b)
	l.got = nil
	const sockets = 1000
	room := s.hub.rooms.Open("lobby")
	for slot := range uint32(sockets) {
		admit(s, slot)
		seat(s, slot, "lobby")
	}
	e := entry("lobby", 1, 0, 100)
	b.ReportAllocs()
	for b.Loop() {
		e.Seq, e.Prev = e.Seq+1, e.Seq
		room.Log().Entry(e)
		for s.conn.Turn() == 0 {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sockets), "ns/delivery")
}

// BenchmarkSend takes a message in, hands it to a bus, and acknowledges it.
func BenchmarkSend(b *testing.B) {
	s, l := newTestShard(b)
	l.got = nil
	admit(s, 0)
	seat(s, 0, "lobby")
	allow(b, s, "user0", "lobby")
	command := []byte(`{"type":"send","id":"1","room":"lobby","msg_id":"0192f3c4-8b2d-7a41-b5a3-5d1f0e6c2b7a","text":"hello, and a text that makes the frame longer than 125 bytes"}`)
	frame := make([]byte, 0, 300)
	b.ReportAllocs()
	for b.Loop() {
		frame = append(frame[:0], 0x81, 0x80|126)
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(command)))
		frame = append(frame, 1, 2, 3, 4)
		at := len(frame)
		frame = append(frame, command...)
		ws.Cipher(frame[at:], [4]byte{1, 2, 3, 4}, 0)
		s.conn.Received(0, frame)
		s.conn.Turn()
	}
}

// BenchmarkSession takes a connection in, lets a user in, puts the session into a room, and ends
// it: what a log-in costs beside the handshake and the signature.
func BenchmarkSession(b *testing.B) {
	s, l := newTestShard(b)
	l.got = nil
	for slot := range uint32(1000) {
		admit(s, slot)
		seat(s, slot, "lobby")
	}
	b.ReportAllocs()
	for b.Loop() {
		admit(s, 1000)
		seat(s, 1000, "lobby")
		s.conn.Gone(1000)
	}
}
