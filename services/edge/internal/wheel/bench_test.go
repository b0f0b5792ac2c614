package wheel

import "testing"

// BenchmarkMillion has the timers of a million connections fire and be set twice every 25 s, as a
// ping and its answer do, each in memory of its own. See docs/performance.md.
func BenchmarkMillion(b *testing.B) {
	const count, second, every = 1_000_000, 10, 25 * 10 // ticks
	type session struct {
		timer Timer
		_     [100]byte
	}
	sessions := make([]session, count)
	w := New(0, func(id uint32) *Timer { return &sessions[id].timer })
	now := uint32(0)
	for id := range uint32(count) {
		// neighbours in a list are none in memory
		w.Set(uint32(uint64(id)*48_271%count), 1+id%every)
	}
	sets := 0
	fire := func(id uint32) {
		w.Set(id, now+35*second) // pinged: until it is closed
		w.Set(id, now+every)     // it has answered
		sets += 2
	}
	for b.Loop() {
		for range second {
			now++
			w.Advance(now, fire)
		}
	}
	b.ReportMetric(100*b.Elapsed().Seconds()/float64(b.N), "%-of-a-core")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(sets), "ns/set")
	b.ReportMetric(0, "ns/op")
}
