//go:build unix

package history

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// BenchmarkPage measures what a page of 50 messages costs, of those that are stored: the
// processor's time in all of the process (cpu-µs/op), as the bus asks for it. The messages are as
// they were sent; or each was edited, and has three reactions; or each has 16 KiB.
//
//	go test -run - -bench 'Page$' -benchtime 500x .
func BenchmarkPage(b *testing.B) {
	for _, kind := range []string{"plain", "changed", "large"} {
		b.Run(kind, func(b *testing.B) {
			s := openStore(b, filepath.Join(b.TempDir(), "history.db"))
			w, stop := start(b, connect(b, membus.NewServer(membus.Options{})), s)
			text := "a text as people write it, of some words"
			if kind == "large" {
				text = strings.Repeat("x", 16<<10)
			}
			var last uint64
			for i := range 60 {
				id := fmt.Sprint("m", i)
				last = w.say("r1", "ann", id, text)
				if kind != "changed" {
					continue
				}
				w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e" + id, Target: id, Author: "ann", Text: text})
				for _, user := range []string{"bob", "eve", "joe"} {
					last = w.event(chat.Event{Type: chat.TypeReacted, Room: "r1", User: user, ID: "r" + user + id, Target: id, Author: "ann", Emoji: "👍", On: true})
				}
			}
			w.stored("r1", last)
			req, err := json.Marshal(historyapi.PageRequest{User: "ann", Room: "r1", Limit: 50})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			began := used(b)
			for b.Loop() {
				if data, err := w.bus.Request(b.Context(), historyapi.ServicePage, req); err != nil || len(data) < min(50*len(text), store.PageBytes-20<<10) {
					b.Fatal(len(data), err)
				}
			}
			b.ReportMetric(float64((used(b)-began).Microseconds())/float64(b.N), "cpu-µs/op")
			stop()
		})
	}
}

// used returns how long the process has used the processor.
func used(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
