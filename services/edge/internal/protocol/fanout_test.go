package protocol

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/deflate"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/frame"
	"hubbub.internal/services/edge/internal/rooms"
	"hubbub.internal/services/edge/internal/transport"
)

// TestSpread holds, over any sequence of entries, joins, leaves, slow and broken sockets, and
// rewinds, that every socket gets the frames of its rooms whole, each once and in order, or is
// closed with the code that says resume.
func TestSpread(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, l := plainShard()
		s.hub.opts.Deflate = 100
		now := clocked(s)
		var inflater deflate.Inflater
		*s.fan.Probe().Bounds() = fanout.Bounds{Region: rapid.IntRange(1, 4000).Draw(rt, "region"), Regions: 5000, Visits: rapid.IntRange(1, 4).Draw(rt, "visits"), Turn: 5, Late: rapid.IntRange(1, 4000).Draw(rt, "late")}
		names := []string{"a", "b", "c"}
		type place struct {
			id  uint32
			seq uint64 // the last that came
		}
		seqs := map[string]uint64{}
		topics := map[string]*rooms.RoomTopic{}
		in := map[uint32]map[string]*place{} // by slot
		const sockets = 6
		for slot := range uint32(sockets) {
			admitWith(s, slot, slot%2 == 1)
			in[slot] = map[string]*place{}
		}
		for _, r := range names { // somebody is always there, so that the topics stay
			topics[r] = s.hub.rooms.Open(r)
		}
		next := uint64(1)
		read := func(slot uint32) {
			b := l.got[slot]
			for len(b) >= 2 {
				if n := head(b); n < 0 || frame.Len(b) > len(b) {
					break // the rest is not written yet
				}
				n := frame.Len(b)
				op, payload := b[0], b[n-payloadLen(b):n]
				b = b[n:]
				if op == 0x88 {
					if code := wire.CloseCode(binary.BigEndian.Uint16(payload)); code != wire.CloseResume {
						rt.Fatalf("closed with %d", code)
					}
					delete(in, slot)
					continue
				}
				if op == 0xc1 {
					if slot%2 == 0 {
						rt.Fatalf("%d got a compressed frame", slot)
					}
					var err error
					if payload, err = inflater.Inflate(payload, 10_000); err != nil {
						rt.Fatal(err)
					}
				}
				e, err := wire.DecodeEvent(payload)
				if err != nil {
					rt.Fatalf("frame %q: %v", payload, err)
				}
				p := in[slot][e.Room]
				switch {
				case e.Type == "typing":
				case p == nil:
					rt.Fatalf("%d got %+v of a room that it is not in", slot, e)
				case e.Type == "joined" && e.Rewind:
					p.seq = e.Seq
				case e.Prev != p.seq:
					rt.Fatalf("%d got %d after %d in %s, which is at %d", slot, e.Seq, e.Prev, e.Room, p.seq)
				default:
					p.seq = e.Seq
				}
			}
			l.got[slot] = append([]byte(nil), b...)
		}
		turn := func() {
			*now += time.Duration(rapid.SampledFrom([]int{0, 1, 1000, 2000}).Draw(rt, "time")) * time.Microsecond
			s.conn.Turn()
			for slot := range uint32(sockets) {
				read(slot)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"entries": func(rt *rapid.T) {
				r := rapid.SampledFrom(names).Draw(rt, "room")
				for range rapid.IntRange(1, 30).Draw(rt, "count") {
					topics[r].Log().Entry(entry(r, next, seqs[r], rapid.SampledFrom([]int{0, 50, 200, 5000}).Draw(rt, "size")))
					seqs[r] = next
					next += 3
				}
			},
			"live": func(rt *rapid.T) {
				topics[rapid.SampledFrom(names).Draw(rt, "room")].Live([]byte(`{"type":"typing"}`))
			},
			"rewind": func(rt *rapid.T) {
				r := rapid.SampledFrom(names).Draw(rt, "room")
				seqs[r] = next
				next++
				topics[r].Log().Rewound(r, seqs[r])
			},
			"join": func(rt *rapid.T) {
				slot, r := rapid.Uint32Range(0, sockets-1).Draw(rt, "slot"), rapid.SampledFrom(names).Draw(rt, "room")
				if in[slot] == nil || in[slot][r] != nil || s.conn.State(slot) != conn.Ready {
					return
				}
				id, seq := seat(s, slot, r)
				in[slot][r] = &place{id: id, seq: seq}
			},
			"leave": func(rt *rapid.T) {
				slot, r := rapid.Uint32Range(0, sockets-1).Draw(rt, "slot"), rapid.SampledFrom(names).Draw(rt, "room")
				if in[slot] == nil || in[slot][r] == nil || s.conn.State(slot) != conn.Ready || s.conn.Unsent(slot) > 0 {
					return // with output waiting, frames of the room may still be on their way
				}
				s.rooms.Probe().Unseat(slot, in[slot][r].id)
				delete(in[slot], r)
			},
			"slow": func(rt *rapid.T) {
				l.room[rapid.Uint32Range(0, sockets-1).Draw(rt, "slot")] = rapid.IntRange(0, 3000).Draw(rt, "room")
			},
			"quick": func(rt *rapid.T) {
				slot := rapid.Uint32Range(0, sockets-1).Draw(rt, "slot")
				delete(l.room, slot)
				if l.short[slot] {
					l.short[slot] = false
					s.conn.Writable(slot)
				}
			},
			"turn": func(*rapid.T) { turn() },
		})
		// In the end everybody who is still there has everything.
		for slot := range uint32(sockets) {
			delete(l.room, slot)
			if l.short[slot] {
				s.conn.Writable(slot)
			}
		}
		for range 200 {
			*now += coalesceFor
			turn()
		}
		for slot, places := range in {
			for r, p := range places {
				if s.conn.State(slot) == conn.Ready && p.seq != seqs[r] {
					rt.Fatalf("%d is at %d in %s, which is at %d", slot, p.seq, r, seqs[r])
				}
			}
		}
	})
}

// head returns the length of the header at the start of b, or -1 if it is not all there.
func head(b []byte) int {
	n := 2
	switch b[1] & 0x7f {
	case 126:
		n = 4
	case 127:
		n = 10
	}
	if len(b) < n {
		return -1
	}
	return n
}

func payloadLen(b []byte) int { return frame.Len(b) - head(b) }

// TestMoreRoomsThanAWriteTakes: news of more rooms at once than fit one write reach a socket all
// the same, also one that takes nothing for a while, without anything else happening there.
func TestMoreRoomsThanAWriteTakes(t *testing.T) {
	for _, blocked := range []bool{false, true} {
		rigged(t, 1, func(r *rig) {
			const rooms = 3*transport.MaxBufs + 1
			ann := r.login("ann")
			for i := range rooms {
				ann.enter(fmt.Sprint("r", i))
			}
			if blocked {
				ann.l.room[ann.slot] = 0
				ann.say(`{"type":"ping"}`)
			}
			r.server.Hold()
			for i := range rooms {
				r.start(fmt.Sprint("r", i), fmt.Sprint("m", i))
			}
			r.server.Release()
			r.settle()
			if blocked {
				delete(ann.l.room, ann.slot)
				ann.s.conn.Writable(ann.slot)
				r.settle()
			}
			got := map[string]bool{}
			for _, f := range ann.all() {
				if f.Type == "msg" {
					got[f.Room] = true
				}
			}
			if len(got) != rooms {
				t.Errorf("blocked: %v: news of %d rooms have come, want %d", blocked, len(got), rooms)
			}
		})
	}
}
