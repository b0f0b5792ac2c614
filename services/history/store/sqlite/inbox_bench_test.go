//go:build unix

package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// BenchmarkInbox asks for what is new in 500 rooms, where everything is: 100 and more messages are
// unread in each, and in one of ten rooms the user is mentioned. HUBBUB_INBOX_MESSAGES is how many
// messages a room has, which the answer does not depend on.
func BenchmarkInbox(b *testing.B) {
	const rooms = 500
	messages := 300
	if n, err := strconv.Atoi(os.Getenv("HUBBUB_INBOX_MESSAGES")); err == nil {
		messages = n
	}
	ctx := context.Background()
	s, err := Open(ctx, filepath.Join(b.TempDir(), "history.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var names []string
	for i := range rooms {
		room := fmt.Sprintf("0192f3c0-1a2b-7c3d-8e4f-%012d", i)
		names = append(names, room)
	}
	text := fmt.Sprintf("%0100d", 7)
	seq := uint64(1) << 50
	var first uint64
	for m := 0; m < messages; m += 10 {
		var batch []store.Entry
		for _, room := range names {
			for range 10 {
				seq++
				sender := fmt.Sprintf("0192f3c0-2b3c-7d4e-9f50-%012d", seq%50)
				e := chat.Event{Type: chat.TypeMsg, Room: room, ID: chat.NewID(), User: sender, Name: "Ada", TS: int64(seq), Text: text}
				data, err := chat.AppendEntry(nil, e)
				if err != nil {
					b.Fatal(err)
				}
				batch = append(batch, store.Entry{Room: room, Seq: seq, Sender: sender, ID: e.ID, Type: e.Type, Data: data})
			}
		}
		if messages-m == 200 {
			first = seq
		}
		if _, err := s.Append(ctx, batch); err != nil {
			b.Fatal(err)
		}
	}
	hides := []string{fmt.Sprintf("0192f3c0-2b3c-7d4e-9f50-%012d", 7)}
	for _, tt := range []struct {
		name   string
		read   uint64
		hidden []string // one of 50 who write
	}{{"everything is new", first, nil}, {"nothing is new", seq, nil}, {"everything is new, somebody is hidden", first, hides}} {
		b.Run(tt.name, func(b *testing.B) {
			user := chat.NewID()
			reads := map[string]uint64{}
			for i, room := range names {
				reads[room] = tt.read
				if i%10 > 0 {
					continue
				}
				if err := s.PutMentions(ctx, store.Mentions{Room: room, Seq: first + 5, Sender: "bob", Users: []string{user}}, nil); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.PutReads(ctx, user, reads); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			began := cpu(b)
			b.ResetTimer()
			for range b.N {
				all, err := s.Inbox(ctx, user, names, tt.hidden)
				if err != nil || len(all) != rooms || all[0].More != (tt.read == first) {
					b.Fatal(all[0], err)
				}
			}
			b.ReportMetric(float64(cpu(b)-began)/float64(b.N)/1e6, "cpu-ms/op")
		})
	}
}

// cpu returns the processor time of the process in nanoseconds.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
