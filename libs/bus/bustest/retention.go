package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

var retentionTests = map[string]func(*suite, *testing.T){
	"retention: by age":  (*suite).trimByAge,
	"retention: by size": (*suite).trimBySize,
	"retention: never what a required group has not read": (*suite).trimNothingUnread,
}

func (s *suite) trimByAge(t *testing.T) {
	b := s.opener(t, Retention{MaxAge: time.Second, TrimEvery: 50 * time.Millisecond})(t)
	room := name("room")
	log := fill(t, b, room, 5)
	f := s.follow(t, b, room)
	eventually(t, "entries are trimmed by their age", func() bool {
		rep := replay(t, b, room, bus.Position{}, 10)
		return rep.Truncated && len(rep.Entries) == 0
	})
	if rep := replay(t, b, room, at(log[1]), 10); !rep.Truncated || rep.Rewound {
		t.Errorf("after an entry that was followed by one that is gone: %+v", rep)
	}
	if rep := replay(t, b, room, at(log[4]), 10); rep.Rewound || rep.Truncated {
		t.Errorf("after the last entry, which is gone: %+v", rep)
	}
	if rep := replay(t, b, name("room"), bus.Position{}, 10); len(rep.Entries) > 0 {
		t.Errorf("an empty room: %+v", rep)
	}
	more := fill(t, b, room, 1)
	if more[0].Seq <= log[4].Seq {
		t.Errorf("Seq %d after %d was trimmed", more[0].Seq, log[4].Seq)
	}
	f.has(t, more) // and was told of no rewind
}

func (s *suite) trimBySize(t *testing.T) {
	const size = 1 << 20
	b := s.opener(t, Retention{MaxBytes: size, TrimEvery: 50 * time.Millisecond})(t)
	room := name("room")
	first := fill(t, b, room, 1)[0]
	data := make([]byte, 10<<10)
	for n := 0; n < 4*size; n += len(data) { // four times what fits: the oldest make room
		for deadline := time.Now().Add(patience); ; {
			_, err := bus.Append(within(t), b, bus.NewEntry{Room: room, Sender: "ann", ID: chat.NewID(), Data: data})
			if err == nil {
				break
			}
			if !errors.Is(err, bus.ErrFull) || time.Now().After(deadline) {
				t.Fatalf("append: %v", err)
			}
		}
	}
	if rep := replay(t, b, room, at(first), 1); !rep.Truncated || rep.Rewound {
		t.Errorf("after the first entry: truncated %v, rewound %v", rep.Truncated, rep.Rewound)
	}
}

func (s *suite) trimNothingUnread(t *testing.T) {
	const size = 1 << 20
	open := s.opener(t, Retention{MaxAge: time.Second, MaxBytes: size, TrimEvery: 50 * time.Millisecond, Groups: []string{"store"}})
	b := open(t)
	room := name("room")
	data := bytes.Repeat([]byte("x"), 10<<10)
	acked := 0
	began := time.Now()
	var full error
	for i := 0; i < 4*size/len(data) && full == nil; i++ {
		_, err := bus.Append(within(t), b, bus.NewEntry{Room: room, Sender: "ann", ID: fmt.Sprint("id", i), Data: data})
		switch {
		case err == nil:
			acked++
		case errors.Is(err, bus.ErrFull):
			full = err
		default:
			t.Fatal(err)
		}
	}
	if full == nil {
		eventually(t, "a log that nobody reads gets full", func() bool {
			_, err := bus.Append(within(t), b, bus.NewEntry{Room: room, Sender: "ann", ID: chat.NewID(), Data: data})
			if err == nil {
				acked++
			}
			return errors.Is(err, bus.ErrFull)
		})
	}
	eventually(t, "entries are too old, and retention has looked", func() bool { return time.Since(began) > 2*time.Second })
	if got := len(readAll(t, b, room)); got != acked {
		t.Fatalf("%d entries in the log, %d were acknowledged", got, acked)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var read atomic.Int64
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, "store", func(_ context.Context, batch []bus.Entry) error {
			read.Add(int64(len(batch)))
			return nil
		})
	}()
	eventually(t, "the group reads all of it", func() bool { return read.Load() >= int64(acked) })
	eventually(t, "the log takes entries again", func() bool {
		_, err := bus.Append(within(t), b, entry(room, "ann", "last"))
		if err != nil && !errors.Is(err, bus.ErrFull) {
			t.Fatal(err)
		}
		return err == nil
	})
	eventually(t, "what was read is trimmed", func() bool { return replay(t, b, room, bus.Position{}, 1000).Truncated })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
