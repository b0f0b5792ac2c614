package directory

import (
	"fmt"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestMutes: a mute is known to every cache, is told in the room and to the muted with who, until
// when and why, and ends by itself.
func TestMutes(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, eve := w.register("Ann"), w.register("Bob"), w.register("Eve")
	room := w.create(ann, `{"name":"Open"}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleModerator)
	w.bring(ann, room.ID, eve, directoryapi.RoleMember)
	cache := w.cache(func(directoryapi.Change) {})
	access := func() directoryapi.Access {
		a, err := cache.Access(t.Context(), eve.User.ID, room.ID)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if access().Muted(time.Now()) {
		t.Error("muted from the start")
	}
	path := "/v1/rooms/" + room.ID + "/mutes"
	mine := path + "/" + eve.User.ID
	before := time.Now().UnixMilli()
	for _, tt := range []struct{ name, body, code string }{
		{"for less than nothing", `{"minutes":-1}`, "bad_request"},
		{"for more than a year", `{"minutes":99999999999}`, "bad_request"},
		{"for a reason of two lines", `{"reason":"a\nb"}`, "bad_request"},
		{"for an hour", `{"minutes":60,"reason":"spam"}`, ""},
	} {
		if c := w.code(bob, "PUT", mine, tt.body); c != tt.code {
			t.Errorf("%s: code is %q, want %q", tt.name, c, tt.code)
		}
	}
	until := func(ms int64) bool { return ms >= before+3_600_000 && ms <= time.Now().UnixMilli()+3_600_000 }
	w.eventually("caches know", func() bool { a := access(); return until(a.MutedUntil) && a.MutedWhy == "spam" && a.Send })
	for where, target := range map[string]string{room.ID: "", chat.UserRoom(eve.User.ID): room.ID} {
		e := w.last(where)
		if !until(e.Until) {
			t.Errorf("told that it ends at %d", e.Until)
		}
		want := chat.Event{
			Type: chat.TypeModerated, Act: chat.ActMute, Room: where, Target: target, User: bob.User.ID, Name: "Bob", Member: eve.User.ID, MemberName: "Eve",
			Text: "spam", ID: e.ID, TS: e.TS, Seq: e.Seq, Prev: e.Prev, Until: e.Until,
		}
		if e != want {
			t.Errorf("room %s was told %+v, want %+v", where, e, want)
		}
	}
	if r := w.listed(eve)[room.ID]; r.Muted == nil || r.Muted.Reason != "spam" || !until(r.Muted.Until) {
		t.Errorf("the muted sees %+v", r.Muted)
	}
	var out mutesOutput
	w.ok("GET", path, bob.Token, "", &out)
	if len(out.Mutes) != 1 || out.Mutes[0].Name != "Eve" || out.Mutes[0].By != bob.User.ID || out.Mutes[0].Reason != "spam" || !until(out.Mutes[0].Until) {
		t.Errorf("mutes are %+v", out)
	}

	w.ok("DELETE", mine, bob.Token, "", nil)
	w.ok("DELETE", mine, bob.Token, "", nil)
	w.eventually("caches know that it was lifted", func() bool { return access().MutedUntil == 0 })
	if e := w.last(room.ID); e.Act != chat.ActUnmute || e.Until != 0 || e.Text != "" {
		t.Errorf("told %+v", e)
	}

	// One that has ended is as none, and nobody is told of its end.
	if err := w.store.PutMute(t.Context(), store.Mute{Room: room.ID, User: eve.User.ID, Name: "Eve", Until: time.Now().UnixMilli()}); err != nil {
		t.Fatal(err)
	}
	told := len(w.events(room.ID))
	if r := w.listed(eve)[room.ID]; r.Muted != nil {
		t.Errorf("after its end the muted sees %+v", r.Muted)
	}
	w.ok("GET", path, bob.Token, "", &out)
	if len(out.Mutes) != 0 {
		t.Errorf("after their end mutes are %+v", out)
	}
	w.keepHouse(t.Context())
	if _, err := w.store.Mute(t.Context(), room.ID, eve.User.ID); err == nil {
		t.Error("what has ended is kept")
	}
	if len(w.events(room.ID)) != told {
		t.Error("the room was told")
	}
}

// TestServerMute: a mute on the server holds in every room, also where the cache has answers
// already.
func TestServerMute(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	ann, bob, eve := w.operator("Ann"), w.register("Bob"), w.register("Eve")
	room := w.create(eve, `{"name":"Eve's"}`)
	cache := w.cache(func(directoryapi.Change) {})
	muted := func(u credentials, room string) bool {
		a, err := cache.Access(t.Context(), u.User.ID, room)
		return err == nil && a.MutedUntil == chat.Forever && a.MutedWhy == "noise"
	}
	for _, r := range []string{room.ID, "lobby"} {
		if muted(eve, r) || muted(bob, r) {
			t.Error("muted from the start")
		}
	}
	w.ok("PUT", "/v1/mutes/"+eve.User.ID, ann.Token, `{"reason":"noise"}`, nil)
	w.eventually("caches know", func() bool { return muted(eve, room.ID) && muted(eve, "lobby") && !muted(bob, "lobby") })
	if e := w.last(chat.UserRoom(eve.User.ID)); e.Act != chat.ActMute || e.Target != "" || e.Text != "noise" || e.Until != 0 {
		t.Errorf("told %+v", e)
	}
	for id, r := range w.listed(eve) {
		if r.Muted == nil || r.Muted.Until != 0 || r.Muted.Reason != "noise" {
			t.Errorf("in %s the muted sees %+v", id, r.Muted)
		}
	}
	w.ok("DELETE", "/v1/mutes/"+eve.User.ID, ann.Token, "", nil)
	w.eventually("caches know that it was lifted", func() bool { return !muted(eve, room.ID) && !muted(eve, "lobby") })
}

// TestLongestMuteCounts: of the mutes in a room and on the server the one that ends last counts,
// and none that has ended.
func TestLongestMuteCounts(t *testing.T) {
	w := openWorld(t, config())
	eve := w.register("Eve")
	room := w.create(eve, `{"name":"Eve's"}`).ID
	now := time.Now().UnixMilli()
	past, soon, late := now-1000, now+100_000, now+200_000
	for _, tt := range []struct {
		here, everywhere int64 // 0: none
		until            int64
		why              string
	}{
		{soon, 0, soon, "here"}, {0, soon, soon, "everywhere"}, {soon, late, late, "everywhere"}, {late, soon, late, "here"}, {late, past, late, "here"},
		{past, late, late, "everywhere"}, {past, past, 0, ""}, {chat.Forever, late, chat.Forever, "here"}, {late, chat.Forever, chat.Forever, "everywhere"},
	} {
		for where, until := range map[string]int64{room: tt.here, wholeServer: tt.everywhere} {
			m := store.Mute{Room: where, User: eve.User.ID, Name: "Eve", Reason: "everywhere", Until: until, Created: 1}
			if where == room {
				m.Reason = "here"
			}
			err := w.store.DeleteMute(t.Context(), where, eve.User.ID)
			if until != 0 {
				err = w.store.PutMute(t.Context(), m)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if a := w.access(eve, room); a.MutedUntil != tt.until || a.MutedWhy != tt.why {
			t.Errorf("%+v: muted until %d: %q", tt, a.MutedUntil, a.MutedWhy)
		}
		shown := mutedView{}
		if m := w.listed(eve)[room].Muted; m != nil {
			shown = *m
		} else if tt.until != 0 {
			t.Errorf("%+v: she is not told", tt)
		}
		if shown.Until != ended(tt.until) || shown.Reason != tt.why {
			t.Errorf("%+v: she is told %+v", tt, shown)
		}
	}
}

// TestModerationIsNotShown: where the operator wants it so, only the muted is told.
func TestModerationIsNotShown(t *testing.T) {
	cfg := config()
	cfg.ShowModeration = false
	w := openWorld(t, cfg)
	ann, eve := w.register("Ann"), w.register("Eve")
	room := w.create(ann, `{"name":"Open"}`)
	told := len(w.events(room.ID))
	w.ok("PUT", "/v1/rooms/"+room.ID+"/mutes/"+eve.User.ID, ann.Token, `{}`, nil)
	if n := len(w.events(room.ID)); n != told {
		t.Error("the room was told")
	}
	if e := w.last(chat.UserRoom(eve.User.ID)); e.Act != chat.ActMute || e.Target != room.ID {
		t.Errorf("the muted was told %+v", e)
	}
}

// TestRules: slow mode and who may send are known to every cache and told to the room.
func TestRules(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, eve := w.register("Ann"), w.register("Bob"), w.register("Eve")
	room := w.create(ann, `{"name":"Open"}`)
	path := "/v1/rooms/" + room.ID
	w.bring(ann, room.ID, bob, directoryapi.RoleModerator)
	w.bring(ann, room.ID, eve, directoryapi.RoleMember)
	cache := w.cache(func(directoryapi.Change) {})
	is := func(u credentials, send, react bool, slow int) func() bool {
		return func() bool {
			a, err := cache.Access(t.Context(), u.User.ID, room.ID)
			return err == nil && a.Send == send && a.React == react && a.Slow == slow
		}
	}
	if !is(eve, true, true, 0)() || !is(bob, true, true, 0)() {
		t.Error("members may send from the start")
	}
	for _, tt := range []struct {
		who        credentials
		body, code string
	}{
		{bob, `{"slow":-1}`, "bad_request"},
		{bob, `{"slow":21601}`, "bad_request"},
		{ann, `{"announce":"loud"}`, "bad_request"},
		{bob, `{"announce":"react"}`, "forbidden"},
		{bob, `{"slow":5,"topic":"x"}`, "forbidden"},
		{bob, `{}`, "forbidden"},
		{eve, `{"slow":5}`, "forbidden"},
	} {
		if c := w.code(tt.who, "PATCH", path, tt.body); c != tt.code {
			t.Errorf("%s: code is %q, want %q", tt.body, c, tt.code)
		}
	}
	told := len(w.events(room.ID))
	w.ok("PATCH", path, bob.Token, `{"slow":30}`, &room)
	w.eventually("caches know of the slow mode", func() bool { return is(eve, true, true, 30)() && is(bob, true, true, 0)() })
	w.ok("PATCH", path, bob.Token, `{"slow":30}`, nil)
	if n := len(w.events(room.ID)); n != told+1 || room.Slow != 30 {
		t.Errorf("told %d times of %+v", n-told, room)
	}
	w.ok("PATCH", path, ann.Token, `{"announce":"react","topic":"News"}`, &room)
	w.eventually("caches know that it is for announcements", func() bool { return is(eve, false, true, 0)() && is(bob, true, true, 0)() })
	if room.Announce != store.AnnounceReact || room.Topic != "News" || w.listed(eve)[room.ID].Announce != store.AnnounceReact {
		t.Errorf("the room is %+v", room)
	}
	var acts []string
	for _, e := range w.events(room.ID)[told:] {
		acts = append(acts, fmt.Sprint(e.Type, e.Act, e.Slow, e.Announce, e.Text))
	}
	if got := fmt.Sprint(acts); got != "[moderatedrules30 moderatedrules30react topic0News]" {
		t.Errorf("told %s", got)
	}
	w.ok("PATCH", path, ann.Token, `{"announce":"silent"}`, nil)
	w.eventually("caches know that it is silent", func() bool { return is(eve, false, false, 0)() && is(bob, true, true, 0)() })
}
