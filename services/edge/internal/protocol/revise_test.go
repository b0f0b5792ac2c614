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

// TestReplacedInTheRing: what the edge remembers of a room has the text that counts, whatever is
// edited or deleted while it is there, for whoever comes back to it, and live.
func TestReplacedInTheRing(t *testing.T) {
	far := func(kind, id, text string) chat.Event {
		return chat.Event{Type: kind, Room: "lobby", ID: id, User: "far", Target: "m1", Author: "far", Text: text}
	}
	for name, tt := range map[string]struct {
		then []chat.Event
		want map[string]string // texts, by id
	}{
		"edited":                {[]chat.Event{far(chat.TypeEdited, "e1", "second")}, map[string]string{"m1": "second", "e1": "second"}},
		"edited twice":          {[]chat.Event{far(chat.TypeEdited, "e1", "second"), far(chat.TypeEdited, "e2", "third")}, map[string]string{"m1": "third", "e1": "", "e2": "third"}},
		"deleted":               {[]chat.Event{far(chat.TypeDeleted, "d", "")}, map[string]string{"m1": ""}},
		"edited, and deleted":   {[]chat.Event{far(chat.TypeEdited, "e1", "second"), far(chat.TypeDeleted, "d", "")}, map[string]string{"m1": "", "e1": ""}},
		"deleted, and edited":   {[]chat.Event{far(chat.TypeDeleted, "d", ""), far(chat.TypeEdited, "e1", "second")}, map[string]string{"m1": "", "e1": ""}},
		"another's of the name": {[]chat.Event{{Type: chat.TypeDeleted, Room: "lobby", ID: "d", User: "mod", Target: "m1", Author: "eve"}}, map[string]string{"m1": "m1"}},
	} {
		t.Run(name, func(t *testing.T) {
			rigged(t, 1, func(r *rig) {
				ann, bob := r.login("ann"), r.login("bob")
				before := r.message("lobby", "m0")
				bob.enter("lobby")
				r.know("ann", "lobby")
				r.message("lobby", "m1")
				bob.all()
				for _, e := range tt.then {
					r.put(e)
				}
				for _, f := range bob.all() {
					if want, ok := tt.want[f.ID]; ok && f.ID == tt.then[len(tt.then)-1].ID && f.Text != want {
						t.Errorf("live came %s", f.raw)
					}
				}
				asked := r.asked[history.ServiceSince]
				ann.say(`{"type":"join","id":"j","room":"lobby","after":{"seq":%d,"id":"m0"}}`, before)
				got := map[string]string{}
				for _, f := range ann.all() {
					got[f.ID] = f.Text
				}
				for id, want := range tt.want {
					if text, came := got[id]; !came || text != want {
						t.Errorf("%s has the text %q (came: %v), want %q", id, text, came, want)
					}
				}
				if r.asked[history.ServiceSince] != asked {
					t.Error("the record was asked")
				}
			})
		})
	}
}
