package protocol

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/rooms"
)

// TestReplacedBeyondAPage: without history, the text of a message whose edit stands beyond what one
// join replays is that of the edit.
func TestReplacedBeyondAPage(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		first := r.message("lobby", "m0")
		r.message("lobby", "m1")
		for i := range 2 * rooms.MaxReplay {
			r.start("lobby", fmt.Sprint("n", i))
		}
		r.put(chat.Event{Type: chat.TypeEdited, Room: "lobby", ID: "e1", User: "far", Target: "m1", Author: "far", Text: "corrected"})
		r.fail(history.ServiceSince, errors.New("the store is down"))
		ann := r.login("ann")
		ann.say(`{"type":"join","id":"j","room":"lobby","after":{"seq":%d,"id":"m0"}}`, first)
		all := ann.all()
		if len(all) < 2 || all[0].ID != "m1" || !strings.Contains(all[0].raw, `"text":"corrected"`) {
			t.Fatalf("%d events come, the first is %+v", len(all), all[:min(len(all), 1)])
		}
		if last := all[len(all)-1]; last.Type != "joined" || !last.More {
			t.Errorf("joined with %s", last.raw)
		}
	})
}
