//go:build unix

package history

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
)

// BenchmarkIngest measures how fast the record takes messages in, in batches as the buses hand them
// over: messages of 100 B by 1,000 users in 100 rooms, and what one takes of the processor
// (cpu-µs/msg) and of the disk (B/msg). late/early is how much longer the last quarter of them took
// than the first.
//
//	go test -run - -bench 'Ingest$' -benchtime 800x .
func BenchmarkIngest(b *testing.B) {
	const batch = 256
	path := filepath.Join(b.TempDir(), "history.db")
	s := openStore(b, path)
	w, stop := start(b, connect(b, membus.NewServer(membus.Options{})), s)
	rooms, users := make([]string, 100), make([]string, 1000)
	for i := range rooms {
		rooms[i] = chat.NewID()
	}
	for i := range users {
		users[i] = chat.NewID()
	}
	text := strings.Repeat("a few words ", 9)[:100]
	n := 0
	next := func() []bus.Entry {
		entries := make([]bus.Entry, batch)
		for i := range entries {
			// Consecutive messages of a room are of several users, as in a conversation.
			e := chat.Event{Type: chat.TypeMsg, Room: rooms[n%100], ID: chat.NewID(), User: users[(n/100+n%100*7)%1000], Name: fmt.Sprint("User ", n%1000), TS: 1_700_000_000_000 + int64(n), Text: text}
			data, err := chat.AppendEntry(nil, e)
			if err != nil {
				b.Fatal(err)
			}
			entries[i] = bus.Entry{Room: e.Room, Seq: 1_700_000_000<<20 + uint64(n), Sender: e.User, ID: e.ID, Data: data}
			n++
		}
		return entries
	}
	var took []time.Duration
	var cpu time.Duration
	for b.Loop() {
		entries := next()
		before, began := used(b), time.Now()
		if err := w.ingest.consume(b.Context(), entries); err != nil {
			b.Fatal(err)
		}
		took, cpu = append(took, time.Since(began)), cpu+used(b)-before
	}
	sum := func(some []time.Duration) (all time.Duration) {
		for _, t := range some {
			all += t
		}
		return all
	}
	b.ReportMetric(float64(n)/sum(took).Seconds(), "msg/s")
	b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-µs/msg")
	if quarter := len(took) / 4; quarter > 0 {
		b.ReportMetric(float64(sum(took[len(took)-quarter:]))/float64(sum(took[:quarter])), "late/early")
	}
	stop()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/float64(n), "B/msg")
}
