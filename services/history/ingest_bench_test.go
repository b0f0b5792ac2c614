//go:build unix

package history

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
)

// BenchmarkIngest measures how fast the record takes messages in, in batches as the buses hand them
// over while there is a backlog, of all partitions at the same time: messages of 100 B by 1,000
// users in 100 rooms, and what one takes of the processor (cpu-µs/msg) and of the disk (B/msg).
// late/early is how much longer the last quarter of them took than the first. With one partition
// there is nobody to share a transaction with.
//
//	go test -run - -bench 'Ingest$' -benchtime 50x .
func BenchmarkIngest(b *testing.B) {
	for _, partitions := range []int{1, 16} {
		b.Run(fmt.Sprint("partitions=", partitions), func(b *testing.B) { benchmarkIngest(b, partitions) })
	}
}

func benchmarkIngest(b *testing.B, partitions int) {
	const batch = 256
	path := filepath.Join(b.TempDir(), "history.db")
	s := openStore(b, path)
	w, stop := start(b, connect(b, membus.NewServer(membus.Options{})), s)
	rooms, users := make([][]string, partitions), make([]string, 1000)
	for i := range 100 {
		rooms[i%partitions] = append(rooms[i%partitions], chat.NewID())
	}
	for i := range users {
		users[i] = chat.NewID()
	}
	text := strings.Repeat("a few words ", 9)[:100]
	n := 0
	next := func(rooms []string) []bus.Entry {
		entries := make([]bus.Entry, batch)
		for i := range entries {
			// Consecutive messages of a room are of several users, as in a conversation.
			room, user := n%len(rooms), (n/len(rooms)+n%len(rooms)*7)%1000
			e := chat.Event{Type: chat.TypeMsg, Room: rooms[room], ID: chat.NewID(), User: users[user], Name: fmt.Sprint("User ", n%1000), TS: 1_700_000_000_000 + int64(n), Text: text}
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
		batches := make([][]bus.Entry, partitions)
		for i := range batches {
			batches[i] = next(rooms[i])
		}
		before, began := used(b), time.Now()
		var all sync.WaitGroup
		for _, entries := range batches {
			all.Go(func() {
				if err := w.ingest.consume(b.Context(), entries); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
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
