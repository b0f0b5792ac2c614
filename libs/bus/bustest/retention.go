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

var retentionTests = map[string]func(*testing.T, *suite){
	"retention: by age":  checkTrimByAge,
	"retention: by size": checkTrimBySize,
	"retention: never what a required group has not read": checkTrimNothingUnread,
	"retention: a group that is retired":                  checkRetireGroup,
}

func checkTrimByAge(t *testing.T, s *suite) {
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
	f.has(t, more) // and got nothing else
}

func checkTrimBySize(t *testing.T, s *suite) {
	const size = 1 << 20
	b := s.opener(t, Retention{MaxBytes: size, TrimEvery: 50 * time.Millisecond})(t)
	room := name("room")
	first := fill(t, b, room, 1)[0]
	data := make([]byte, 10<<10)
	for n := 0; n < 4*size; n += len(data) { // four times the limit: retention removes the oldest
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

func checkTrimNothingUnread(t *testing.T, s *suite) {
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

// checkRetireGroup makes retention wait for a group that does not come back, until an operator
// retires it.
func checkRetireGroup(t *testing.T, s *suite) {
	log := s.Log(t, Retention{MaxAge: time.Second, TrimEvery: 50 * time.Millisecond, Groups: []string{"gone", "stays"}})
	if err := log.open(t, "").Close(); err != nil { // opening it has registered the groups
		t.Fatal(err)
	}
	b := log.Operator(t)
	t.Cleanup(func() { _ = b.Close() })
	began := time.Now()
	room := name("room")
	entries := fill(t, b, room, 5)
	stays := consume(t, b, "stays", nil)
	stays.has(t, room, entries)
	groups := func() map[string]time.Time {
		t.Helper()
		all, err := b.Groups(within(t))
		if err != nil {
			t.Fatal(err)
		}
		unread := make(map[string]time.Time)
		for i, g := range all {
			unread[g.Name] = g.Unread
			if i > 0 && g.Name <= all[i-1].Name {
				t.Errorf("the groups are %+v", all)
			}
		}
		return unread
	}
	eventually(t, "one group has read everything", func() bool { return groups()["stays"].IsZero() })
	if at := groups()["gone"]; at.Before(began.Add(-2*time.Second)) || at.After(time.Now().Add(2*time.Second)) {
		t.Errorf("the other has not read anything since %s, which was said at %s", at, began)
	}
	eventually(t, "entries are too old, and retention has looked", func() bool { return time.Since(began) > 2*time.Second })
	if got := readAll(t, b, room); len(got) != len(entries) {
		t.Errorf("%d entries are left of what a group has not read", len(got))
	}
	if err := b.Retire(within(t), "stays"); !errors.Is(err, bus.ErrInUse) {
		t.Errorf("a group that is consumed: %v, want ErrInUse", err)
	}
	for _, group := range []string{"gone", "gone", "never-was"} {
		if err := b.Retire(within(t), group); err != nil {
			t.Errorf("retire %s: %v", group, err)
		}
	}
	if err := b.Retire(within(t), "a.b"); !errors.Is(err, bus.ErrBadName) {
		t.Errorf("%v, want ErrBadName", err)
	}
	if all := groups(); len(all) != 1 {
		t.Errorf("the groups are %v", all)
	}
	eventually(t, "retention takes what nobody needs", func() bool { return replay(t, b, room, bus.Position{}, 10).Truncated })
	fill(t, b, room, 1)
	// the group comes back all the same: it starts where the log begins
	late := consume(t, b, "gone", nil)
	eventually(t, "it gets what there is", func() bool {
		fill(t, b, room, 1) // nobody requires the group now: what it reads too late is trimmed
		return len(late.all()) > 0
	})
}
