package directory

import (
	"fmt"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

func TestBlocks(t *testing.T) {
	w := openWorld(t, config())
	ann, eve, bob := w.register("Ann"), w.register("Eve"), w.register("Bob")
	var direct roomView
	w.ok("POST", "/v1/direct", eve.Token, with(ann), &direct)
	cache := w.cache(func(directoryapi.Change) {})
	send := func(u credentials) bool {
		a, err := cache.Access(t.Context(), u.User.ID, direct.ID)
		return err == nil && a.Read && a.Send
	}
	if !send(ann) || !send(eve) {
		t.Fatal("two who have a direct room may write there")
	}
	told := len(w.events(chat.UserRoom(eve.User.ID)))
	w.ok("PUT", "/v1/blocks/"+eve.User.ID, ann.Token, `{}`, nil)
	w.eventually("who is blocked cannot write", func() bool { return !send(eve) && !send(ann) })
	if e := w.last(chat.UserRoom(ann.User.ID)); e.Type != chat.TypeChanged || e.Target != chat.ListBlocks {
		t.Errorf("the devices of who blocks were told %+v", e)
	}
	if n := len(w.events(chat.UserRoom(eve.User.ID))); n != told {
		t.Error("who is blocked was told")
	}
	for _, tt := range []struct {
		name         string
		who          credentials
		method, path string
		body, code   string
	}{
		{"the blocked opens a direct room", eve, "POST", "/v1/direct", with(ann), "forbidden"},
		{"who blocks opens one", ann, "POST", "/v1/direct", with(eve), "conflict"},
		{"of oneself", ann, "PUT", "/v1/blocks/" + ann.User.ID, `{}`, "bad_request"},
		{"of nobody", ann, "PUT", "/v1/blocks/nobody", `{}`, "not_found"},
		{"of no name", ann, "PUT", "/v1/blocks/a%20b", `{}`, "not_found"},
		{"of no kind", ann, "PUT", "/v1/blocks/" + bob.User.ID, `{"kind":"hate"}`, "bad_request"},
		{"no more of no name", ann, "DELETE", "/v1/blocks/a%20b", "", "not_found"},
		{"no more of nobody", ann, "DELETE", "/v1/blocks/nobody", "", ""},
		{"ignoring", ann, "PUT", "/v1/blocks/" + bob.User.ID, `{"kind":"ignore"}`, ""},
		{"the ignored opens a direct room", bob, "POST", "/v1/direct", with(ann), ""},
	} {
		if c := w.code(tt.who, tt.method, tt.path, tt.body); c != tt.code {
			t.Errorf("%s: code is %q, want %q", tt.name, c, tt.code)
		}
	}
	var out blocksOutput
	w.ok("GET", "/v1/blocks", ann.Token, "", &out)
	if len(out.Blocks) != 2 || out.Blocks[0].User != eve.User.ID || out.Blocks[0].Kind != "block" || out.Blocks[0].Name != "Eve" || out.Blocks[1].Kind != "ignore" {
		t.Errorf("blocks are %+v", out)
	}
	w.ok("DELETE", "/v1/blocks/"+eve.User.ID, ann.Token, "", nil)
	w.eventually("both write again", func() bool { return send(eve) && send(ann) })
}

// TestManyBlocks fills a list of blocks, which stays bounded, and empties it of who departs.
// TestIgnoredStillAsks: to ignore somebody hides what they say, and refuses nothing; to block them
// refuses their request.
func TestIgnoredStillAsks(t *testing.T) {
	for kind, stays := range map[string]bool{"ignore": true, "block": false} {
		w := openWorld(t, strangers())
		ann, eve := w.register("Ann"), w.register("Eve")
		var direct roomView
		w.ok("POST", "/v1/direct", eve.Token, with(ann), &direct)
		if code := w.write(eve, direct.ID, "m1"); code != "" {
			t.Fatal(code)
		}
		w.ok("PUT", "/v1/blocks/"+eve.User.ID, ann.Token, fmt.Sprintf(`{"kind":%q}`, kind), nil)
		if asks := len(w.requests(ann)) == 1; asks != stays {
			t.Errorf("%s: her request is there: %v", kind, asks)
		}
		code := w.write(eve, direct.ID, "m2")
		if (code == "") != stays {
			t.Errorf("%s: she writes again: %q", kind, code)
		}
	}
}

func TestManyBlocks(t *testing.T) {
	w := openWorld(t, config())
	ann, gus := w.register("Ann"), w.comeIn("Gus")
	w.ok("PUT", "/v1/blocks/"+gus.User.ID, ann.Token, `{}`, nil)
	for i := range maxBlocks - 1 {
		if err := w.store.PutBlock(t.Context(), store.Block{User: ann.User.ID, Other: fmt.Sprint("u", i)}); err != nil {
			t.Fatal(err)
		}
	}
	bob := w.register("Bob")
	if c := w.code(ann, "PUT", "/v1/blocks/"+bob.User.ID, `{}`); c != "too_many" {
		t.Errorf("a block too many: %q", c)
	}
	// which is there already
	w.ok("PUT", "/v1/blocks/"+gus.User.ID, ann.Token, `{"kind":"ignore"}`, nil)
	w.ok("POST", "/v1/logout", gus.Token, "", nil)
	if err := w.departures.removeEnded(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.ok("PUT", "/v1/blocks/"+bob.User.ID, ann.Token, `{}`, nil)
}

// TestTimedBans ends bans by their time: at once for who asks the directory, and for caches with
// housekeeping.
func TestTimedBans(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	ann, eve, root := w.register("Ann"), w.register("Eve"), w.operator("Chief")
	room := w.create(ann, `{"name":"Open"}`)
	path := "/v1/rooms/" + room.ID
	for _, body := range []string{`{"minutes":-1}`, `{"minutes":5256001}`, `{"minutes":1.5}`} {
		if c := w.code(ann, "PUT", path+"/bans/"+eve.User.ID, body); c != "bad_request" {
			t.Errorf("a ban of %s: %q", body, c)
		}
	}
	w.ok("PUT", path+"/bans/"+eve.User.ID, ann.Token, `{"minutes":10}`, nil)
	w.ok("PUT", "/v1/bans/"+eve.User.ID, root.Token, `{"minutes":10}`, nil)
	var out bansOutput
	w.ok("GET", path+"/bans", ann.Token, "", &out)
	if left := time.Until(time.UnixMilli(out.Bans[0].Until)); left < 9*time.Minute || left > 10*time.Minute {
		t.Errorf("a ban of 10 minutes ends in %s", left)
	}
	cache := w.cache(func(directoryapi.Change) {})
	read := func() bool {
		a, err := cache.Access(t.Context(), eve.User.ID, room.ID)
		return err == nil && a.Read
	}
	if read() || w.code(eve, "GET", "/v1/me", "") != "forbidden" {
		t.Error("who is banned is let in")
	}
	if err := w.bans.endBans(t.Context()); err != nil || read() {
		t.Errorf("a ban ended too early: %v", err)
	}
	for _, where := range []string{room.ID, wholeServer} { // ten minutes go by
		b, err := w.store.Ban(t.Context(), where, eve.User.ID)
		if err != nil {
			t.Fatal(err)
		}
		b.Until = 1
		if err := w.store.PutBan(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if c := w.code(eve, "GET", path, ""); c != "unauthorized" {
		t.Errorf("after the end of a ban, with a token from before: %q", c)
	}
	w.ok("POST", "/v1/login", "", `{"name":"Eve","password":"correct horse"}`, &eve)
	if c := w.code(eve, "GET", path, ""); c != "" {
		t.Errorf("after the end of a ban: %q", c)
	}
	if w.ok("GET", path+"/bans", ann.Token, "", &out); len(out.Bans) != 0 {
		t.Errorf("bans that are over are listed: %+v", out)
	}
	if err := w.bans.endBans(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.eventually("caches know that the ban has ended", read)
	if left, err := w.store.BansOf(t.Context(), eve.User.ID); err != nil || len(left) != 0 {
		t.Errorf("bans that are over stay: %v, %v", left, err)
	}
}

// TestPrivateAndNone: an outsider cannot tell by the time of the answer whether there is a private
// room with an id.
func TestPrivateAndNone(t *testing.T) {
	w := openWorld(t, config())
	ann, eve := w.register("Ann"), w.register("Eve")
	room := w.create(ann, `{"name":"Secret","private":true}`)
	asked := func(id string) (calls []string) {
		w.memory.Fail(func(call string, done bool) error {
			if !done {
				calls = append(calls, call)
			}
			return nil
		})
		defer w.memory.Fail(nil)
		if c := w.code(eve, "GET", "/v1/rooms/"+id, ""); c != "forbidden" {
			t.Errorf("room %s: %q", id, c)
		}
		return calls
	}
	if private, none := fmt.Sprint(asked(room.ID)), fmt.Sprint(asked(chat.NewID())); private != none {
		t.Errorf("of a private room the store is asked %s, and of none %s", private, none)
	}
}
