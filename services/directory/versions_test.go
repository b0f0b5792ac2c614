package directory

import (
	"strings"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// TestVersionsOfRooms: an owner turns the versions of messages off, everybody in the room is told,
// and turned on again they are those of what is written from then on.
func TestVersionsOfRooms(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Tea"}`)
	path := "/v1/rooms/" + room.ID
	w.ok("POST", path+"/members", ann.Token, `{"user":"`+bob.User.ID+`","role":"moderator"}`, nil)
	since := func(room string) int64 {
		t.Helper()
		at, err := directoryapi.NewClient(w.bus).VersionsSince(t.Context(), room)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if room.Versions != nil || since(room.ID) != 0 || since("no-such") != 0 {
		t.Errorf("at first versions are shown: %v, since %d", room.Versions, since(room.ID))
	}
	if code := w.code(bob, "PATCH", path, `{"versions":false}`); code != chat.CodeForbidden {
		t.Errorf("a moderator turns them off: %q", code)
	}
	told := len(w.events(room.ID))
	w.ok("PATCH", path, ann.Token, `{"versions":true}`, nil) // as it is
	w.ok("PATCH", path, ann.Token, `{"versions":false}`, &room)
	w.ok("PATCH", path, ann.Token, `{"versions":false}`, nil) // as it is
	if room.Versions == nil || *room.Versions || since(room.ID) != chat.Forever {
		t.Errorf("turned off, versions are shown: %v, since %d", room.Versions, since(room.ID))
	}
	if v := w.listed(bob)[room.ID]; v.Versions == nil || *v.Versions {
		t.Errorf("a member sees %v", v.Versions)
	}
	before := time.Now().UnixMilli()
	room.Versions = nil
	w.ok("PATCH", path, ann.Token, `{"versions":true,"topic":"Green"}`, &room)
	if at := since(room.ID); room.Versions != nil || at < before || at > time.Now().UnixMilli() {
		t.Errorf("turned on again at %d, versions are shown: %v, since %d", before, room.Versions, at)
	}
	var acts []string
	for _, e := range w.events(room.ID)[told:] {
		if e.Type == chat.TypeModerated {
			acts = append(acts, e.Act+" by "+e.Name)
		}
	}
	if got := strings.Join(acts, ", "); got != "no-versions by Ann, versions by Ann" || room.Topic != "Green" {
		t.Errorf("the room is told %s, and is about %s", got, room.Topic)
	}
	var direct roomView
	w.acquaint(ann, bob)
	w.ok("POST", "/v1/direct", ann.Token, `{"user":"`+bob.User.ID+`"}`, &direct)
	if code := w.code(ann, "PATCH", "/v1/rooms/"+direct.ID, `{"versions":false}`); code != chat.CodeForbidden {
		t.Errorf("in a direct room: %q", code)
	}
}
