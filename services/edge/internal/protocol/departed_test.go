package protocol

import (
	"errors"
	"strings"
	"testing"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// TestReplayOfDeparted: the log keeps the names of those who have deleted their accounts; a replay
// does not tell them. While the directory is away it does, and the replay comes all the same.
func TestReplayOfDeparted(t *testing.T) {
	for _, away := range []bool{false, true} {
		rigged(t, 1, func(r *rig) {
			first := r.message("lobby", "m0")
			r.put(chat.Event{Type: chat.TypeMsg, Room: "lobby", ID: "m1", User: "far", Name: "Farah", Text: "hello"})
			r.put(chat.Event{Type: chat.TypeModerated, Room: chat.UserRoom("ann"), ID: "a1", User: "far", Name: "Farah", Act: chat.ActMute, Member: "ann", MemberName: "Ann"})
			r.gone = []string{"far"}
			if away {
				r.fail(directory.ServiceDeparted, errors.New("the directory is away"))
			}
			ann := r.login("ann")
			ann.say(`{"type":"join","id":"j","room":"lobby","after":{"seq":%d,"id":"m0"}}`, first)
			ann.say(`{"type":"join","id":"k","room":"u-ann","after":{"seq":0}}`)
			names := 0
			for _, e := range ann.all() {
				if e.ID != "m1" && e.ID != "a1" {
					continue
				}
				if names++; strings.Contains(e.raw, "Farah") != away || strings.Contains(e.raw, chat.DeletedName) == away {
					t.Errorf("directory away: %v: %s", away, e.raw)
				}
			}
			if names != 2 {
				t.Errorf("%d entries come", names)
			}
		})
	}
}
