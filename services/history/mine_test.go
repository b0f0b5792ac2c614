package history

import (
	"fmt"
	"strings"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
)

// TestMine gives a user all that the user has said, in all rooms, as it is now, and nothing of
// others.
func TestMine(t *testing.T) {
	eachStore(t, func(t *testing.T, s *gated) {
		w, _ := start(t, openBus(t), s)
		s.readers.Store(true)
		client := historyapi.NewClient(w.bus)
		for _, room := range []string{"a", "b"} {
			w.say(room, "eve", "x", "of another")
			w.say(room, "ann", "m1", "first in "+room)
			w.say(room, "ann", "m2", "second in "+room)
			last := w.say(room, "ann", "m3", "third in "+room)
			w.stored(room, last)
		}
		// What is done to them counts, also before it is stored.
		s.down.Store(true)
		if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "a", ID: "e1", User: "ann", Target: "m1", Author: "ann", Text: "edited"}); code != "" {
			t.Fatal(code)
		}
		if _, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "b", ID: "d1", User: "ann", Target: "m2", Author: "ann"}); code != "" {
			t.Fatal(code)
		}
		got, err := client.Mine(t.Context(), historyapi.MineRequest{User: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, m := range got.Messages {
			texts = append(texts, m.Room+" "+m.User+" "+m.Text)
		}
		if all := strings.Join(texts, ", "); all != "a ann edited, a ann second in a, a ann third in a, b ann first in b, b ann third in b" || got.Next != nil {
			t.Errorf("said: %s, next %+v", all, got.Next)
		}
		if got, err := client.Mine(t.Context(), historyapi.MineRequest{User: "nobody"}); err != nil || len(got.Messages) != 0 || got.Next != nil {
			t.Errorf("of nobody: %+v, %v", got, err)
		}
		for _, bad := range []historyapi.MineRequest{{}, {User: "a b"}, {User: "ann", Room: "a b"}} {
			if _, err := client.Mine(t.Context(), bad); chat.CodeOf(err) != chat.CodeBadRequest {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}

// TestMineByRuns asks for more than one answer holds, by number and by size, and gets each message
// once.
func TestMineByRuns(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		client := historyapi.NewClient(w.bus)
		want := 0
		for _, r := range []struct {
			room string
			n    int
			text string
		}{{"a", mineBatch + 50, "x"}, {"b", 100, strings.Repeat("long ", 3000)}, {"c", 1, "last"}} {
			var last uint64
			for i := range r.n {
				last = w.say(r.room, "ann", fmt.Sprint("m", i), r.text)
				want++
			}
			w.stored(r.room, last)
		}
		seen := map[string]bool{}
		runs := 0
		for req := (historyapi.MineRequest{User: "ann"}); ; runs++ {
			got, err := client.Mine(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range got.Messages {
				key := m.Room + " " + m.ID
				if seen[key] {
					t.Errorf("%s comes twice", key)
				}
				seen[key] = true
			}
			if got.Next == nil {
				break
			}
			req.Room, req.Seq = got.Next.Room, got.Next.Seq
		}
		if len(seen) != want || runs < 3 {
			t.Errorf("%d messages of %d in %d runs", len(seen), want, runs+1)
		}
	})
}
