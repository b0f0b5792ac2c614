package history

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
)

// TestLastChangesAtOnce: of many who react to a message at the same moment, and who all see that it
// can be changed once more, one does.
func TestLastChangesAtOnce(t *testing.T) {
	w := open(t)
	w.changes.most = 3
	w.say("r", "ann", "m", "hello")
	react := func(user, emoji string) string {
		_, err := w.api.Apply(t.Context(), historyapi.ApplyRequest{Event: chat.Event{
			Type: chat.TypeReacted, Room: "r", ID: chat.NewID(), User: user, Target: "m", Author: "ann", Emoji: emoji, On: true, TS: 1,
		}})
		return chat.CodeOf(err)
	}
	for _, user := range []string{"bob", "eve"} {
		if code := react(user, "👍"); code != "" {
			t.Fatal(code)
		}
	}
	const n = 8
	var counted atomic.Int64
	var all, wait sync.WaitGroup
	all.Add(n)
	w.store.counting = func() { // all see the same before any has changed anything
		if counted.Add(1) <= n {
			all.Done()
			all.Wait()
		}
	}
	var done atomic.Int64
	for i := range n {
		wait.Go(func() {
			switch code := react(fmt.Sprint("user", i), "👎"); code {
			case "":
				done.Add(1)
			case chat.CodeTooMany:
			default:
				t.Error(code)
			}
		})
	}
	wait.Wait()
	if got := w.page(historyapi.PageRequest{Room: "r"}).Messages[0].Reactions["👎"]; done.Load() != 1 || len(got) != 1 {
		t.Errorf("%d have changed a message that could be changed once more: %q", done.Load(), got)
	}
}
