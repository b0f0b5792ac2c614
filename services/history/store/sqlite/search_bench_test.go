package sqlite

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

var messages = flag.Int("messages", 100_000, "how many messages BenchmarkSearch searches")
var tidied = flag.Bool("tidied", false, "BenchmarkSearch tidies the index first")

// BenchmarkSearch measures how long a search for the first 21 messages takes (p50-ms, p99-ms): of
// words in half of the messages, in one of a thousand, and together, in one room, in 30 and in 500
// of 1,000. Messages have twelve words, which are as frequent as words are (Zipf's law).
//
// With -tidied the index is tidied first.
//
//	go test -run - -bench Search -benchtime 300x -args -messages 1000000
func BenchmarkSearch(b *testing.B) {
	s, err := Open(b.Context(), filepath.Join(b.TempDir(), "history.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	source := rand.New(rand.NewPCG(1, 2))
	words := rand.NewZipf(source, 1.1, 5, 200_000)
	rooms := make([]string, 1000)
	for i := range rooms {
		rooms[i] = chat.NewID()
	}
	began := time.Now()
	for n := 0; n < *messages; n += 1000 {
		entries := make([]store.Entry, 1000)
		for i := range entries {
			var text strings.Builder
			for range 12 {
				fmt.Fprintf(&text, "w%d ", words.Uint64())
			}
			seq, user := uint64(1_700_000_000+n+i)<<20, fmt.Sprint("user", (n+i)%500)
			// Rooms are of very different sizes.
			room := rooms[min(source.IntN(1000), source.IntN(1000), source.IntN(1000))]
			entries[i] = store.Entry{
				Room: room, Seq: seq, Sender: user, ID: chat.NewID(), Type: chat.TypeMsg, Data: []byte(text.String()),
				Terms: store.TermsOf(user, text.String(), 1_700_000_000_000+int64(n+i)*1000, false, false),
			}
		}
		if _, err := s.Append(b.Context(), entries); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d messages were added in %s", *messages, time.Since(began))
	if *tidied {
		began, steps := time.Now(), 0
		for more := true; more; steps++ {
			if more, err = s.Tidy(b.Context(), 0, true); err != nil {
				b.Fatal(err)
			}
		}
		b.Logf("the index was tidied in %d steps, in %s", steps, time.Since(began))
	}
	for _, tt := range []struct {
		name string
		all  [][]string
	}{
		{"common", [][]string{{"w0"}}},
		{"rare", [][]string{{"w5000"}}},
		{"both", [][]string{{"w0"}, {"w5000"}}},
		{"three", [][]string{{"w0"}, {"w1"}, {"w7"}}},
		{"prefix", nil},
	} {
		if tt.all == nil {
			either, err := s.Completions(b.Context(), "w1", 100)
			if err != nil {
				b.Fatal(err)
			}
			tt.all = [][]string{{"w3"}, either}
		}
		for _, in := range []struct {
			name  string
			rooms []string
		}{{"large", rooms[:1]}, {"small", rooms[999:]}, {"30", rooms[400:430]}, {"500", rooms[500:]}} {
			b.Run(tt.name+"/"+in.name, func(b *testing.B) {
				var took []time.Duration
				n := 0
				for b.Loop() {
					began := time.Now()
					found, err := s.Search(b.Context(), store.Search{Rooms: in.rooms, All: tt.all, Limit: 21})
					if err != nil {
						b.Fatal(err)
					}
					took, n = append(took, time.Since(began)), len(found.Entries)
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
				b.ReportMetric(float64(n), "found")
			})
		}
	}
}
