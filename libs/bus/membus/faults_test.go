package membus

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/bus"
)

// listener of a room and of personal rooms.
type ears struct {
	got      []string // ids
	rewound  []uint64
	hints    int
	suspects int
}

func (e *ears) Entry(en bus.Entry)         { e.got = append(e.got, en.ID) }
func (e *ears) Rewound(_ string, h uint64) { e.rewound = append(e.rewound, h) }
func (e *ears) Hint(string, uint64)        { e.hints++ }
func (e *ears) Suspect()                   { e.suspects++ }
func (e *ears) Missed(string, uint64)      {}

func say(t *testing.T, b *Bus, room, id string) uint64 {
	t.Helper()
	a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: room, Sender: "ann", ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return a.Seq
}

// bubble runs f with a server, and a bus that is closed at the end, in a bubble of its own time.
func bubble(t *testing.T, f func(t *testing.T, s *Server, b *Bus)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{})
		b := s.Open()
		defer b.Close()
		f(t, s, b)
	})
}

func TestDown(t *testing.T) {
	bubble(t, func(t *testing.T, s *Server, b *Bus) {
		w := &ears{}
		if _, err := b.Watch(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		s.Down()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.Replay(ctx, "room", bus.Position{}, 1); !errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("replay: %v", err)
		}
		began := time.Now()
		_, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: "late"})
		if took := time.Since(began); !errors.Is(err, bus.ErrUnavailable) || took != bus.AppendTimeout {
			t.Errorf("append: %v after %s", err, took)
		}
		done := make(chan error, 1)
		b.Append(bus.NewEntry{Room: "room", Sender: "ann", ID: "in-time"}, func(_ bus.Appended, err error) { done <- err })
		time.Sleep(bus.AppendTimeout / 2)
		s.Up()
		if err := <-done; err != nil {
			t.Errorf("append of a server that came back: %v", err)
		}
		synctest.Wait()
		if rep, err := b.Replay(t.Context(), "room", bus.Position{}, 10); err != nil || len(rep.Entries) != 1 || w.suspects != 1 {
			t.Errorf("%+v, %v, %d", rep, err, w.suspects)
		}
	})
}

func TestHold(t *testing.T) {
	bubble(t, func(t *testing.T, s *Server, b *Bus) {
		f := &ears{}
		if _, _, err := b.Follow(t.Context(), "room", f); err != nil {
			t.Fatal(err)
		}
		s.Hold()
		done := false
		b.Append(bus.NewEntry{Room: "room", Sender: "ann", ID: "1"}, func(bus.Appended, error) { done = true })
		synctest.Wait()
		if done || len(f.got) > 0 {
			t.Error("a callback was not held back")
		}
		s.Release()
		synctest.Wait()
		if !done || !slices.Equal(f.got, []string{"1"}) {
			t.Errorf("after the release: %t, %v", done, f.got)
		}
	})
}

func TestRewind(t *testing.T) {
	bubble(t, func(t *testing.T, s *Server, b *Bus) {
		f, w := &ears{}, &ears{}
		if _, err := b.Watch(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Follow(t.Context(), "u-ann", f); err != nil {
			t.Fatal(err)
		}
		first, lost := say(t, b, "u-ann", "1"), say(t, b, "u-ann", "2")
		s.Rewind("u-ann", first)
		again := say(t, b, "u-ann", "2") // which the log does not know any more
		synctest.Wait()
		if again <= lost || !slices.Equal(f.rewound, []uint64{first}) || w.suspects != 1 || !slices.Equal(f.got, []string{"1", "2", "2"}) {
			t.Errorf("Seq %d after %d, told of %v, %d, %v", again, lost, f.rewound, w.suspects, f.got)
		}
		if rep, err := b.Replay(t.Context(), "u-ann", bus.Position{Seq: lost, ID: "2"}, 10); err != nil || !rep.Rewound {
			t.Errorf("after what was lost: %+v, %v", rep, err)
		}
		if rep, err := b.Replay(t.Context(), "u-ann", bus.Position{Seq: first, ID: "1"}, 10); err != nil || rep.Rewound || len(rep.Entries) != 1 {
			t.Errorf("after what was kept: %+v, %v", rep, err)
		}
	})
}

func TestLoseHintsAndFail(t *testing.T) {
	bubble(t, func(t *testing.T, s *Server, b *Bus) {
		w := &ears{}
		if _, err := b.Watch(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		s.LoseHints(true)
		say(t, b, "u-ann", "1")
		s.LoseHints(false)
		say(t, b, "u-ann", "2")
		synctest.Wait()
		if w.hints != 1 {
			t.Errorf("%d hints", w.hints)
		}
		full := func(call, name string) error {
			if call == "Append" && name == "full" {
				return bus.ErrFull
			}
			return nil
		}
		s.Fail(full)
		say(t, b, "room", "1")
		if _, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "full", Sender: "ann", ID: "1"}); !errors.Is(err, bus.ErrFull) {
			t.Errorf("append: %v", err)
		}
		s.Fail(nil)
		say(t, b, "full", "1")
	})
}

// TestRedrivenOutlivesItsMember: a dead letter that was put back, and in whose middle the member
// stops, is the next member's.
func TestRedrivenOutlivesItsMember(t *testing.T) {
	bubble(t, func(t *testing.T, _ *Server, b *Bus) {
		say(t, b, "room", "e1")
		consume := func(handle func(stop func(), e bus.Entry) error) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := b.Consume(ctx, "group", func(_ context.Context, batch []bus.Entry) error { return handle(cancel, batch[0]) })
			if err != nil {
				t.Error(err)
			}
		}
		tries := 0
		go func() { // until the letter is parked
			for {
				if letters, err := b.DeadLetters(context.Background(), "group", 1); err != nil || len(letters) == 1 {
					break
				}
				time.Sleep(time.Second)
			}
			_, _ = b.Redrive(context.Background(), "group", 1)
		}()
		consume(func(stop func(), e bus.Entry) error {
			if tries++; e.Redriven {
				stop() // with the letter in hand
			}
			return errors.New("no")
		})
		var got []bus.Entry
		consume(func(stop func(), e bus.Entry) error {
			got = append(got, e)
			stop()
			return nil
		})
		if len(got) != 1 || got[0].ID != "e1" || !got[0].Redriven || tries < 2 {
			t.Errorf("the next member gets %+v, after %d tries of the first", got, tries)
		}
	})
}
