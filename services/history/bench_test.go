package history

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
)

// BenchmarkPages measures how long a user waits for a page (p50-ms, p99-ms), alone and while
// somebody else asks without a pause, eight at a time, for pages of a room with 24 messages, each
// of them edited 62 times with 16 KiB:
//
//	go test -run - -bench Pages -benchtime 500x .
func BenchmarkPages(b *testing.B) {
	for _, attacked := range []bool{false, true} {
		b.Run(fmt.Sprint("attacked=", attacked), func(b *testing.B) {
			server := membus.NewServer(membus.Options{})
			w, stop := start(b, connect(b, server), openStore(b, filepath.Join(b.TempDir(), "history.db")))
			var last uint64
			for i := range 24 {
				last = w.say("mine", "ann", fmt.Sprint("m", i), "hello")
				id := fmt.Sprint("m", i)
				last = max(last, w.say("attacked", "eve", id, "hello"))
				for e := range 62 {
					last = w.event(chat.Event{
						Type: chat.TypeEdited, Room: "attacked", User: "eve", ID: fmt.Sprint(id, "-", e), Target: id, Author: "eve", Text: strings.Repeat("x", 16<<10),
					})
				}
			}
			w.stored("attacked", last)
			ctx, cancel := context.WithCancel(b.Context())
			var attackers sync.WaitGroup
			if attacked {
				for range 8 {
					attackers.Go(func() {
						for ctx.Err() == nil {
							_, _ = w.api.Page(ctx, historyapi.PageRequest{User: "eve", Room: "attacked"})
						}
					})
				}
			}
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if p, err := w.api.Page(b.Context(), historyapi.PageRequest{User: "ann", Room: "mine"}); err != nil || len(p.Messages) != 24 {
					b.Fatal(len(p.Messages), err)
				}
				took = append(took, time.Since(began))
				time.Sleep(5 * time.Millisecond) // a person, not a second attacker
			}
			cancel()
			attackers.Wait()
			stop()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
