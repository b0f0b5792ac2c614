package bustest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// Benchmark measures a driver on a server that is running: open opens buses on one log.
func Benchmark(b *testing.B, open func(t testing.TB) bus.Interface) {
	b.Run("append, 1,000 in flight", func(b *testing.B) { benchAppend(b, open(b), 1000) })
	b.Run("append, 1 in flight", func(b *testing.B) { benchAppend(b, open(b), 1) })
	b.Run("append and deliver to 2 buses", func(b *testing.B) { benchDeliver(b, open(b), open(b), open(b)) })
	b.Run("replay of 100", func(b *testing.B) { benchReplay(b, open(b), 100) })
	b.Run("replay of nothing new", func(b *testing.B) { benchReplay(b, open(b), 0) })
	b.Run("request", func(b *testing.B) { benchRequest(b, open(b), open(b)) })
}

// flood appends b.N entries of 100 bytes, in 100 rooms.
func flood(b *testing.B, log bus.Log, rooms []string, inFlight int) {
	slots := make(chan struct{}, inFlight)
	data := make([]byte, 100)
	var wg sync.WaitGroup
	for i := 0; b.Loop(); i++ {
		slots <- struct{}{}
		wg.Add(1)
		log.Append(bus.NewEntry{Room: rooms[i%len(rooms)], Sender: "ann", ID: chat.NewID(), Data: data}, func(_ bus.Appended, err error) {
			defer wg.Done()
			<-slots
			if err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

func roomNames(n int) []string {
	rooms := make([]string, n)
	for i := range rooms {
		rooms[i] = name("room")
	}
	return rooms
}

func benchAppend(b *testing.B, log bus.Log, inFlight int) {
	b.ReportAllocs()
	flood(b, log, roomNames(100), inFlight)
}

// counter counts what it is told.
type counter struct{ n atomic.Int64 }

func (c *counter) Entry(bus.Entry)        { c.n.Add(1) }
func (c *counter) Rewound(string, uint64) {}
func (c *counter) Missed(string, uint64)  {}

func benchDeliver(b *testing.B, from bus.Log, to ...bus.Log) {
	rooms := roomNames(100)
	var c counter
	for _, l := range to {
		for _, r := range rooms {
			_, sub, err := l.Follow(within(b), r, &c)
			if err != nil {
				b.Fatal(err)
			}
			defer sub.Stop()
		}
	}
	flood(b, from, rooms, 1000)
	want := int64(b.N * len(to))
	eventually(b, fmt.Sprint(want, " deliveries"), func() bool { return c.n.Load() >= want })
}

func benchReplay(b *testing.B, log bus.Log, n int) {
	room := name("room")
	entries := fill(b, log, room, n+1)
	b.ReportAllocs()
	for b.Loop() {
		if rep := replay(b, log, room, at(entries[0]), 1000); len(rep.Entries) != n {
			b.Fatalf("%d entries", len(rep.Entries))
		}
	}
}

func benchRequest(b *testing.B, from, to bus.RPC) {
	service := name("service")
	serve(b, to, service, echo)
	data := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := from.Request(within(b), service, data); err != nil {
			b.Fatal(err)
		}
	}
}
