//go:build unix

package history

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// paused is a store that knows when it was given entries.
type paused struct {
	store.Store
	mu      sync.Mutex
	last    time.Time
	longest time.Duration
	n       int
	all     int           // how many there are to be
	done    chan struct{} // closed when all are kept
}

func (p *paused) Append(ctx context.Context, entries []store.Entry) (store.Outcome, error) {
	out, err := p.Store.Append(ctx, entries)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.last.IsZero() {
		p.longest = max(p.longest, time.Since(p.last))
	}
	p.last = time.Now()
	if before := p.n; err == nil {
		if p.n += len(entries); before < p.all && p.n >= p.all {
			close(p.done)
		}
	}
	return out, err
}

// BenchmarkBacklog measures how history takes in what has been said while it was away, messages of
// 100 B in 100 rooms, on each bus: how many a second, what one takes of the processor in this
// process, which on NATS has the server, too, and for how long at most nothing was taken in
// (pause-ms).
//
//	go test -run - -bench Backlog -benchtime 100000x .
func BenchmarkBacklog(b *testing.B) {
	for name, url := range map[string]func(b *testing.B) string{
		"redis": func(b *testing.B) string { return bustest.Redis(b).URL() },
		"nats":  func(b *testing.B) string { return "embedded:" + b.TempDir() },
	} {
		b.Run(name, func(b *testing.B) {
			log := openReal(b, busurl.Config{Bus: url(b)})
			text := strings.Repeat("a few words ", 9)[:100]
			rooms, users := make([]string, 100), make([]string, 1000)
			for i := range rooms {
				rooms[i] = chat.NewID()
			}
			for i := range users {
				users[i] = chat.NewID()
			}
			var wait sync.WaitGroup
			free := make(chan struct{}, 256) // as many wait for the log at the same time
			for n := range b.N {
				e := chat.Event{Type: chat.TypeMsg, Room: rooms[n%100], ID: chat.NewID(), User: users[n%1000], Name: "Ann", TS: int64(n), Text: text}
				data, err := chat.AppendEntry(nil, e)
				if err != nil {
					b.Fatal(err)
				}
				free <- struct{}{}
				wait.Add(1)
				log.Append(bus.NewEntry{Room: e.Room, Sender: e.User, ID: e.ID, Data: data}, func(_ bus.Appended, err error) {
					if err != nil {
						b.Error(err)
					}
					<-free
					wait.Done()
				})
			}
			wait.Wait()
			s := openStore(b, filepath.Join(b.TempDir(), "history.db"))
			p := &paused{Store: s.Store, all: b.N, done: make(chan struct{})}
			s.Store = p
			b.ResetTimer()
			cpu, began := used(b), time.Now()
			_, stop := start(b, log, s)
			select {
			case <-p.done:
			case <-time.After(5 * time.Minute):
				b.Fatalf("of %d messages %d were taken in", b.N, p.n)
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "msg/s")
			b.ReportMetric(float64((used(b)-cpu).Microseconds())/float64(b.N), "cpu-µs/msg")
			b.ReportMetric(float64(p.longest.Milliseconds()), "pause-ms")
			stop()
		})
	}
}
