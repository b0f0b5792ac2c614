package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hubbub.internal/services/hubbub/rigs/cluster"
)

// TestStranger has clients that were written from PROTOCOL.md alone talk, edit and delete while the
// server is killed, and come back from old positions: what each sees is what history has.
func TestStranger(t *testing.T) {
	t.Parallel()
	const writers, each = 3, 120
	up := cluster.Up(bin, t.TempDir(), "--rate", "1000", "--burst", "1000", "--user-rate", "0")
	if err := up.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer up.Kill()
	room := "lobby"
	enter := func(name string, after map[string]any) (s *stranger, leave func()) {
		a := newAccount(t, "http://"+up.Addr, name)
		token, err := a.session.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s = &stranger{
			url: "http://" + up.Addr, token: token, me: a.id, room: room, last: after,
			pending: map[string]chan event{}, shown: map[string]*event{},
		}
		return s, s.comeBack(t)
	}
	reader, leave := enter("reader", nil)
	defer func() { leave() }()
	var people []*stranger
	for i := range writers {
		s, leave := enter(fmt.Sprint("writer", i), nil)
		defer leave()
		people = append(people, s)
	}
	awake := func(s *stranger) func() bool {
		return func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.live }
	}
	eventually(t, "the reader is in the room", awake(reader))

	var wait sync.WaitGroup
	for i, s := range people {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			do := func(kind, id string, fields map[string]any) event {
				command := map[string]any{"type": kind, "room": room, "msg_id": id}
				for k, v := range fields {
					command[k] = v
				}
				e, err := s.ask(ctx, command)
				if err != nil {
					t.Error(err)
				}
				return e
			}
			// so that there is something to say whenever the server is killed
			pace := time.NewTicker(10 * time.Millisecond)
			defer pace.Stop()
			for k := range each {
				<-pace.C
				id := fmt.Sprintf("w%d-%d", i, k)
				do("send", id, map[string]any{"text": fmt.Sprint(i, " says ", k)})
				switch k % 12 {
				case 3:
					do("edit", id+"-e", map[string]any{"target": id, "text": fmt.Sprint(i, " means ", k)})
				case 5:
					gone := do("delete", id+"-d", map[string]any{"target": id})
					if again := do("delete", id+"-d", map[string]any{"target": id}); again.Seq != gone.Seq {
						t.Errorf("a repeated delete is at %d, the first at %d", again.Seq, gone.Seq)
					}
				case 7: // the ids of all commands share one space: nothing is edited
					e, err := s.ask(ctx, map[string]any{"type": "edit", "room": room, "msg_id": id, "target": id, "text": "lost"})
					if err == nil || e.Code != "conflict" {
						t.Errorf("an edit with the id of its message is answered %+v, %v", e, err)
					}
				}
			}
		})
	}
	count := func(s *stranger) int { return len(s.sees()) }
	eventually(t, "messages flow", func() bool { return count(reader) > 0 })
	leave() // with a position that is old when the reader comes back
	for n := 1; n <= 2; n++ {
		eventually(t, "messages flow", func() bool { return count(people[0]) > n*writers*each/4 })
		up.Kill()
		if err := up.Start(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	wait.Wait()

	leave = reader.comeBack(t)
	zero, leaveZero := enter("zero", map[string]any{"seq": 0})
	defer leaveZero()
	want := zero.record(t)
	if n := writers * each * 11 / 12; len(want) != n {
		t.Errorf("history has %d messages, want %d", len(want), n)
	}
	for name, s := range map[string]*stranger{"writer 0": people[0], "writer 1": people[1], "writer 2": people[2], "the reader": reader, "who begins at 0": zero} {
		eventually(t, name+" is up to date", func() bool { return count(s) >= len(want) })
		if got := s.sees(); !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Errorf("%s sees %q at %d, history has %q", name, got[i], i, want[i])
					break
				}
			}
			t.Errorf("%s sees %d messages, history has %d", name, len(got), len(want))
		}
	}
}

// comeBack makes the stranger connect, until leave is called.
func (s *stranger) comeBack(t *testing.T) (leave func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.run(ctx); err != nil {
			t.Error(err)
		}
	}()
	return sync.OnceFunc(func() { cancel(); <-done })
}

// record returns what history has, in the form of sees.
func (s *stranger) record(t *testing.T) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all []event
	command := map[string]any{"type": "history", "room": s.room, "limit": 200}
	for more := true; more; {
		page, err := s.ask(ctx, command)
		if err != nil {
			t.Fatal(err)
		}
		if more = page.More; more {
			command["before"] = page.Messages[0].Seq
		}
		all = append(all, slices.DeleteFunc(page.Messages, func(m event) bool { return m.Deleted })...)
	}
	return lines(all)
}
