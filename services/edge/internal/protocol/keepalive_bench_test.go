package protocol

import (
	"testing"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/services/edge/internal/conn"
)

// BenchmarkKeepalive lives through a minute with a million sockets that do nothing but answer
// pings, without the pings' system calls: what the wheel and the frames of pings and pongs take.
// See docs/performance.md.
func BenchmarkKeepalive(b *testing.B) {
	const sockets, seconds = 1_000_000, 60
	s, l := plainShard()
	l.got = nil
	now := clocked(s)
	first := *now
	for slot := range uint32(sockets) {
		// they have come one after the other
		*now = first + time.Duration(slot)*s.hub.opts.PingAfter/sockets
		if slot%1000 == 0 {
			s.conn.Turn()
		}
		admit(s, slot)
	}
	pong := ws.MustCompileFrame(ws.MaskFrame(ws.NewPongFrame(nil)))
	frame := make([]byte, len(pong))
	pings := 0
	l.onWrite = func(slot uint32, bufs [][]byte) {
		if bufs[0][0] != 0x89 {
			b.Fatalf("%x was written", bufs[0])
		}
		pings++
		copy(frame, pong)
		s.conn.Received(slot, frame)
	}
	for b.Loop() {
		pings = 0
		for range seconds * int(time.Second/conn.TickEvery) {
			*now += conn.TickEvery
			s.conn.Turn()
		}
		if want := sockets * seconds / 25; pings < want*9/10 || pings > want*11/10 {
			b.Fatalf("%d pings, not about %d", pings, want)
		}
	}
	b.ReportMetric(100*b.Elapsed().Seconds()/float64(b.N*seconds), "%-of-a-core")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*pings), "ns/ping")
	b.ReportMetric(0, "ns/op")
}
