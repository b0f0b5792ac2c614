package history

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
)

// TestLastChangesAtOnce: of many who react to a message at the same moment, and who all see that it
// can be changed once more, one does.
func TestLastChangesAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.changes.most = 3
		w.say("r", "ann", "m", "hello")
		react := func(user, emoji string) string {
			_, err := w.changes.apply(t.Context(), historyapi.ApplyRequest{Event: chat.Event{
				Type: chat.TypeReacted, Room: "r", ID: chat.NewID(), User: user, Target: "m", Author: "ann", Emoji: emoji, On: true, TS: 1,
			}})
			return chat.CodeOf(err)
		}
		for _, user := range []string{"bob", "eve"} {
			if code := react(user, "👍"); code != "" {
				t.Fatal(code)
			}
		}
		// Whoever is not kept from it sees the same before any has changed anything.
		w.store.counting = func() { time.Sleep(time.Second) }
		var wait sync.WaitGroup
		var done atomic.Int64
		for i := range 8 {
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
	})
}
