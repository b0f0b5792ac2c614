package replica

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/services/presence/roster"
)

// The size that presence is made for.
const (
	benchSessions = 1_000_000
	benchUsers    = 500_000
	benchRooms    = 50_000
	benchEdges    = 50
)

func benchSession(i uint64) presence.Session {
	user := i % benchUsers
	return presence.Session{
		ID: i, User: fmt.Sprintf("018f2f6e-7c1e-7000-8000-%012d", user), Name: fmt.Sprint("User ", user), Device: "web",
		Status: presence.Online, Since: int64(1_700_000_000_000 + i),
		Rooms: []string{fmt.Sprintf("018f2f6e-7c1e-7000-9000-%012d", i%benchRooms), fmt.Sprintf("018f2f6e-7c1e-7000-9000-%012d", (i/7)%benchRooms)},
	}
}

// churnOf has every session of one edge of fifty, which are 2 % of all, go and come, and returns
// what it takes to receive the reports of that: decoding, applying, and noting what is to be told.
func churnOf(f *fixture) (took time.Duration) {
	tally := presence.NewTally("edge7", 1, nil)
	tally.SetStatus(7, presence.Online, presence.DND) // the one change that the snapshot had
	tally.Changes()
	for i := uint64(7); i < benchSessions; i += benchEdges {
		s := benchSession(i)
		tally.Exit(s)
		tally.Enter(s)
		if i%(100*benchEdges) == 7 {
			messages := tally.Changes()
			begun := time.Now()
			f.receive(messages...)
			took += time.Since(begun)
		}
	}
	return took
}

// whoOfMany puts 100,000 users into one room, and returns what a page of them takes.
func whoOfMany(b *testing.B, f *fixture) time.Duration {
	const many, pages = 100_000, 20
	join := presence.Change{Kind: presence.Joined, Room: []byte("many")}
	for i := range uint64(many) {
		join.ID = i
		f.r.Apply(f.es.known[fmt.Sprint("edge", i%benchEdges)].sessions, &join)
	}
	if n := f.r.Online("many"); n != many {
		b.Fatalf("%d users in the room", n)
	}
	var after roster.Cursor
	begun := time.Now()
	for range pages {
		page, more := f.r.Who("many", after, presence.DefaultLimit)
		if len(page) != presence.DefaultLimit || !more {
			b.Fatalf("a page of %d, more: %v", len(page), more)
		}
		last := page[len(page)-1]
		after = roster.Cursor{Name: last.Name, User: last.User}
	}
	return time.Since(begun) / pages
}

// BenchmarkMillion measures a replica of a million sessions of half a million users in 50,000 rooms
// over 50 edges: the time to build it from snapshots on one core, its memory, what changes and
// questions cost then, and the share of a core that a churn of 2 % of the sessions in a minute
// takes.
func BenchmarkMillion(b *testing.B) {
	tallies := make([]*presence.Tally, benchEdges)
	for e := range uint64(benchEdges) {
		tallies[e] = presence.NewTally(fmt.Sprint("edge", e), 1, func(yield func(presence.Session) bool) {
			for i := e; i < benchSessions; i += benchEdges {
				yield(benchSession(i))
			}
		})
		// so that there is something to be asked for
		tallies[e].SetStatus(0, presence.Online, presence.DND)
	}
	for b.Loop() {
		b.StopTimer()
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f := newFixture()
		f.es.jitter = 0
		f.r = roster.New(func(at roster.Seat) { f.r.Tell(at) })
		f.es.roster = f.r
		took := time.Duration(0)
		for e, tally := range tallies {
			tally.Changes()
			f.receive(tally.Heartbeat()...)
			for _, h := range f.es.due(f.now, 1) {
				var chunks []presence.Chunk
				req := presence.SnapshotRequest{}
				for {
					msg, err := tally.Answer(presence.AppendSnapshotRequest(nil, req))
					if err != nil {
						b.Fatal(err)
					}
					c, err := presence.DecodeChunk(msg, h.edge.id, 1)
					if err != nil {
						b.Fatal(err)
					}
					chunks = append(chunks, c)
					if req.ID, req.Index = c.ID, c.Index+1; req.Index == c.Chunks {
						break
					}
				}
				begun := time.Now()
				if err := f.es.begin(h, chunks[0]); err != nil {
					b.Fatal(err)
				}
				for _, c := range chunks[1:] {
					if err := f.es.chunk(h, c); err != nil {
						b.Fatal(err)
					}
				}
				if err := f.es.finish(f.now, h); err != nil {
					b.Fatal(err)
				}
				took += time.Since(begun)
			}
			// frees the encoded snapshot
			tallies[e] = presence.NewTally(fmt.Sprint("edge", e), 1, nil)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if f.sessions() != benchSessions {
			b.Fatalf("%d sessions", f.sessions())
		}
		b.ReportMetric(took.Seconds(), "build-s")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/benchSessions, "B/session")

		edge := f.es.known["edge7"].sessions
		churn := benchSession(7)
		change := presence.Change{ID: 7, User: []byte(churn.User), Name: []byte(churn.Name), Device: []byte("web"), Status: presence.Online, Rooms: [][]byte{[]byte(churn.Rooms[0]), []byte(churn.Rooms[1])}}
		begun := time.Now()
		const n = 200_000
		for range n {
			change.Kind = presence.Exited
			f.r.Apply(edge, &change)
			change.Kind = presence.Entered
			f.r.Apply(edge, &change)
		}
		took = time.Since(begun)
		b.ReportMetric(float64(took.Nanoseconds())/(2*n), "ns/change")
		b.ReportMetric(2*n/took.Seconds(), "changes/s")
		b.ReportMetric(100*churnOf(f).Seconds()/60, "%core-at-churn")
		if len(f.refused) > 0 || f.es.known["edge7"].wanted || f.sessions() != benchSessions {
			b.Fatalf("the churn was not taken in: %v, %d sessions", f.refused, f.sessions())
		}
		begun = time.Now()
		for range 10_000 {
			f.r.Who(churn.Rooms[0], roster.Cursor{}, 200)
		}
		b.ReportMetric(float64(time.Since(begun).Nanoseconds())/10_000, "ns/who")
		b.ReportMetric(float64(whoOfMany(b, f).Microseconds()), "µs/who-100k")
		b.StartTimer()
		if b.N > 1 {
			b.Skip("once is enough")
		}
	}
}
