package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// historian stands for the history service: it keeps what it was asked to remove.
type historian struct {
	mu      sync.Mutex
	purges  map[string]historyapi.PurgeRequest // by id
	rooms   map[string]bool
	texts   map[string]string         // of messages, by id; others are "said"
	author  string                    // of all messages
	gone    []chat.Event              // deletions
	said    map[string][]chat.Message // by user, in order; one in each answer
	away    int                       // how many requests for them fail
	holds   []historyapi.Hold
	unsaved []string // users whose saved messages are forgotten
	sweeps  int      // how often it was told of other rules of retention
}

func (w *world) historian() *historian {
	w.t.Helper()
	h := &historian{purges: map[string]historyapi.PurgeRequest{}, rooms: map[string]bool{}, texts: map[string]string{}, author: "u1"}
	b := w.connect(w.t)
	_, err := api.Handle(w.t.Context(), b, historyapi.ServicePurge, nil, func(_ context.Context, r historyapi.PurgeRequest) (historyapi.PurgeReply, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.purges[r.ID] = r
		return historyapi.PurgeReply{}, nil
	})
	_, sweep := api.Handle(w.t.Context(), b, historyapi.ServiceSweep, nil, func(context.Context, historyapi.SweepRequest) (out historyapi.SweepReply, _ error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.sweeps++
		return out, nil
	})
	_, holds := api.Handle(w.t.Context(), b, historyapi.ServiceHolds, nil, func(context.Context, historyapi.HoldsRequest) (historyapi.Holds, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		return historyapi.Holds{Holds: slices.Clone(h.holds)}, nil
	})
	_, hold := api.Handle(w.t.Context(), b, historyapi.ServiceHold, nil, func(_ context.Context, r historyapi.Hold) (out historyapi.HoldReply, _ error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.holds = append(h.holds, r)
		return out, nil
	})
	_, lift := api.Handle(w.t.Context(), b, historyapi.ServiceLift, nil, func(_ context.Context, r historyapi.LiftRequest) (historyapi.Hold, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.holds = slices.DeleteFunc(h.holds, func(h historyapi.Hold) bool { return h.ID == r.ID })
		return historyapi.Hold{}, nil
	})
	_, held := api.Handle(w.t.Context(), b, historyapi.ServiceHeld, nil, func(_ context.Context, r historyapi.HeldRequest) (out historyapi.Held, _ error) {
		if r.Seq == 0 {
			out.Entries = []historyapi.HeldEntry{{Room: "r1", Seq: 7, User: "u1", ID: "m1", Type: "msg", Entry: json.RawMessage(`{"type":"msg","text":"said and deleted"}`)}}
			out.More = true
		}
		return out, nil
	})
	_, unsave := api.Handle(w.t.Context(), b, historyapi.ServiceUnsave, nil, func(_ context.Context, r historyapi.UnsaveRequest) (out historyapi.UnsaveReply, _ error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.unsaved = append(h.unsaved, r.User)
		return out, nil
	})
	_, forget := api.Handle(w.t.Context(), b, historyapi.ServiceForget, nil, func(_ context.Context, r historyapi.ForgetRequest) (historyapi.ForgetReply, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.rooms[r.Room] = true
		return historyapi.ForgetReply{}, nil
	})
	_, mine := api.Handle(w.t.Context(), b, historyapi.ServiceMine, nil, func(_ context.Context, r historyapi.MineRequest) (historyapi.Mine, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.away > 0 {
			h.away--
			return historyapi.Mine{}, chat.Unavailable("history is away", time.Second)
		}
		all := h.said[r.User]
		at := slices.IndexFunc(all, func(m chat.Message) bool { return r.Room == "" || m.Room > r.Room || m.Room == r.Room && m.Seq > r.Seq })
		if at < 0 {
			return historyapi.Mine{}, nil
		}
		all = all[at:]
		if len(all) < 2 {
			return historyapi.Mine{Messages: all}, nil
		}
		return historyapi.Mine{Messages: all[:1], Next: &historyapi.MineNext{Room: all[0].Room, Seq: all[0].Seq}}, nil
	})
	var asked []string // by Seq, from 7 on
	_, sent := api.Handle(w.t.Context(), b, historyapi.ServiceSent, nil, func(_ context.Context, r historyapi.SentRequest) (historyapi.Sent, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if r.ID == "none" {
			return historyapi.Sent{}, nil
		}
		at := slices.Index(asked, r.ID)
		if at < 0 {
			at, asked = len(asked), append(asked, r.ID)
		}
		return historyapi.Sent{Seq: uint64(7 + at)}, nil
	})
	_, page := api.Handle(w.t.Context(), b, historyapi.ServicePage, nil, func(_ context.Context, r historyapi.PageRequest) (historyapi.Page, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if r.Around < 7 { // an export begins at 1
			return historyapi.Page{}, nil
		}
		id := asked[r.Around-7]
		m := chat.Message{Event: chat.Event{Type: chat.TypeMsg, Room: r.Room, Seq: r.Around, ID: id, User: h.author, Name: "Eve", Text: cmp.Or(h.texts[id], "said"), TS: 5}}
		twin := m
		twin.User, twin.Text = "another", "not this"
		return historyapi.Page{Messages: []chat.Message{twin, m}}, nil
	})
	_, apply := api.Handle(w.t.Context(), b, historyapi.ServiceApply, nil, func(_ context.Context, r historyapi.ApplyRequest) (historyapi.Applied, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.gone = append(h.gone, r.Event); !r.Moderator {
			return historyapi.Applied{}, chat.E(chat.CodeForbidden, "no")
		}
		return historyapi.Applied{Seq: 8}, nil
	})
	if err := errors.Join(err, unsave, sweep, holds, hold, lift, held, forget, sent, page, apply, mine); err != nil {
		w.t.Fatal(err)
	}
	return h
}

// the one purge that was asked for.
func (h *historian) purge(t *testing.T) historyapi.PurgeRequest {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.purges) != 1 {
		t.Fatalf("%d purges: %+v", len(h.purges), h.purges)
	}
	for id, r := range h.purges {
		delete(h.purges, id)
		return r
	}
	return historyapi.PurgeRequest{}
}

// TestArchive: an archived room can be read and not written, is out of the lists of those who are
// not in it, and comes back.
func TestArchive(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, eve := w.register("Ann"), w.register("Bob"), w.register("Eve")
	room := w.create(ann, `{"name":"Open"}`)
	path := "/v1/rooms/" + room.ID
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	cache := w.cache(func(directoryapi.Change) {})
	may := func(send, archived bool) func() bool {
		return func() bool {
			for _, u := range []credentials{ann, bob} {
				a, err := cache.Access(t.Context(), u.User.ID, room.ID)
				if err != nil || !a.Read || a.Send != send || a.React != send || a.Archived != archived {
					return false
				}
			}
			return true
		}
	}
	if !may(true, false)() {
		t.Error("archived from the start")
	}
	told := len(w.events(room.ID))
	for range 2 {
		w.ok("POST", path+"/archive", ann.Token, "", nil)
	}
	w.eventually("caches know", may(false, true))
	if e := w.last(room.ID); len(w.events(room.ID)) != told+1 || e.Act != chat.ActArchive || e.Name != "Ann" {
		t.Errorf("told %+v", e)
	}
	if _, listed := w.listed(eve)[room.ID]; listed {
		t.Error("a stranger sees it listed")
	}
	var found browseOutput
	if w.ok("GET", "/v1/public-rooms?q=open", eve.Token, "", &found); len(found.Rooms) != 0 {
		t.Errorf("a stranger finds %+v", found.Rooms)
	}
	if r := w.listed(bob)[room.ID]; r.Archived == 0 || !r.Member {
		t.Errorf("a member sees %+v", r)
	}
	for range 2 {
		w.ok("POST", path+"/restore", ann.Token, "", nil)
	}
	w.eventually("caches know that it is restored", may(true, false))
	if e := w.last(room.ID); len(w.events(room.ID)) != told+2 || e.Act != chat.ActRestore {
		t.Errorf("told %+v", e)
	}
	if r, listed := w.listed(eve)[room.ID]; !listed || r.Archived != 0 {
		t.Errorf("a stranger sees %+v", r)
	}
}

// TestDeleteRoom: a room goes with all that belongs to it, its members are told, and history
// forgets it.
func TestDeleteRoom(t *testing.T) {
	w := openWorld(t, config())
	h := w.historian()
	op, ann, bob := w.operator("Op"), w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Secret","private":true}`)
	path := "/v1/rooms/" + room.ID
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	w.ok("PUT", path+"/bans/"+op.User.ID, ann.Token, `{}`, nil)
	w.ok("PUT", path+"/mutes/"+bob.User.ID, ann.Token, `{}`, nil)
	for _, tt := range []struct {
		who        credentials
		body, code string
	}{
		{bob, `{"name":"Secret"}`, "forbidden"},
		{ann, `{"name":"Open"}`, "bad_request"},
		{ann, `{"name":""}`, "bad_request"},
		{ann, `{"name":" Secret "}`, ""},
		{ann, `{"name":"Secret"}`, "forbidden"}, // there is no such room
	} {
		if c := w.code(tt.who, "POST", path+"/delete", tt.body); c != tt.code {
			t.Errorf("%s by %s: code is %q, want %q", tt.body, tt.who.User.Name, c, tt.code)
		}
	}
	members, err := w.store.Members(t.Context(), room.ID, "", 10)
	bans, err2 := w.store.Bans(t.Context(), room.ID, "", 10)
	mutes, err3 := w.store.Mutes(t.Context(), room.ID, "", 10)
	if err := errors.Join(err, err2, err3); err != nil || len(members)+len(bans)+len(mutes) != 0 {
		t.Errorf("left are %v, %v, %v, %v", members, bans, mutes, err)
	}
	if !h.rooms[room.ID] {
		t.Error("history was not told")
	}
	for _, u := range []credentials{ann, bob} {
		all := w.events(chat.UserRoom(u.User.ID))
		removed, why := all[len(all)-2], all[len(all)-1]
		if removed.Type != chat.TypeRemoved || removed.Target != room.ID || why.Act != chat.ActDelete || why.Target != room.ID || why.Text != "Secret" || why.Name != "Ann" {
			t.Errorf("%s was told %+v and %+v", u.User.Name, removed, why)
		}
	}
	// An operator deletes a room that is not theirs and that they may not even see.
	other := w.create(bob, `{"name":"Den","private":true}`)
	w.ok("POST", "/v1/rooms/"+other.ID+"/delete", op.Token, `{"name":"Den"}`, nil)
	if c := w.code(op, "POST", "/v1/rooms/lobby/delete", `{"name":"Lobby"}`); c != "forbidden" {
		t.Errorf("the lobby: %q", c)
	}
}

// TestDeleteRoomGoesOn: with history away the room is gone all the same, and history is told when
// it is back.
func TestDeleteRoomGoesOn(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	room := w.create(ann, `{"name":"Open"}`)
	if c := w.code(ann, "POST", "/v1/rooms/"+room.ID+"/delete", `{"name":"Open"}`); c != "unavailable" {
		t.Errorf("without history: %q", c)
	}
	if c := w.code(ann, "GET", "/v1/rooms/"+room.ID, ""); c != "forbidden" {
		t.Errorf("the room: %q", c)
	}
	h := w.historian()
	w.age()
	w.keepHouse(t.Context())
	if !h.rooms[room.ID] {
		t.Error("history was not told")
	}
}

// TestPurgeToldLate: with history away, a purge is asked for later, and goes back as far as it did
// when it was wanted.
func TestPurgeToldLate(t *testing.T) {
	for span, back := range map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour} {
		w := openWorld(t, config())
		ann, eve := w.register("Ann"), w.register("Eve")
		room := w.create(ann, `{"name":"Open"}`)
		w.bring(ann, room.ID, eve, directoryapi.RoleMember)
		if c := w.code(ann, "POST", "/v1/rooms/"+room.ID+"/purges/"+eve.User.ID, fmt.Sprintf(`{"span":%q}`, span)); c != "unavailable" {
			t.Errorf("without history: %q", c)
		}
		left := w.age()
		if len(left) != 1 {
			t.Fatalf("untold is %+v", left)
		}
		h := w.historian()
		w.keepHouse(t.Context())
		if r, want := h.purge(t), left[0].Created-back.Milliseconds(); r.After != want {
			t.Errorf("the last %s: from %d on, want %d", span, r.After, want)
		}
	}
}

// TestPurges: history is asked for what was meant, the room and the person are told, and the ban
// comes in the same step.
func TestPurges(t *testing.T) {
	w := openWorld(t, config())
	h := w.historian()
	op, ann, eve := w.operator("Op"), w.register("Ann"), w.register("Eve")
	room := w.create(ann, `{"name":"Open"}`)
	w.bring(ann, room.ID, eve, directoryapi.RoleMember)
	in, everywhere := "/v1/rooms/"+room.ID+"/purges/"+eve.User.ID, "/v1/purges/"+eve.User.ID
	for _, tt := range []struct {
		who              credentials
		path, body, code string
	}{
		{eve, in, `{"span":"ever"}`, "forbidden"},
		{ann, in, `{"span":"week"}`, "bad_request"},
		{ann, in, `{"span":"ever","reason":"a\nb"}`, "bad_request"},
		{ann, everywhere, `{"span":"ever"}`, "forbidden"},
		{ann, "/v1/rooms/" + room.ID + "/purges/a%20b", `{"span":"ever"}`, "not_found"},
	} {
		if c := w.code(tt.who, "POST", tt.path, tt.body); c != tt.code {
			t.Errorf("%s %s: code is %q, want %q", tt.path, tt.body, c, tt.code)
		}
	}
	w.ok("POST", in, ann.Token, `{"span":"ever"}`, nil)
	if r := h.purge(t); r.Room != room.ID || r.User != eve.User.ID || r.After != 0 || r.Actor != ann.User.ID || r.Name != "Ann" {
		t.Errorf("asked for %+v", r)
	}
	before := time.Now()
	w.ok("POST", in, ann.Token, `{"span":"hour","ban":true,"reason":"spam"}`, nil)
	r := h.purge(t)
	if at := time.UnixMilli(r.After).Add(time.Hour); at.Before(before.Truncate(time.Millisecond)) || at.After(time.Now()) {
		t.Errorf("from %s on", at)
	}
	for where, target := range map[string]string{room.ID: "", chat.UserRoom(eve.User.ID): room.ID} {
		if e := w.last(where); e.Act != chat.ActPurge || e.Target != target || e.Text != "spam" || e.Until != r.After || e.Member != eve.User.ID || e.MemberName != "Eve" || e.Name != "Ann" {
			t.Errorf("room %s was told %+v", where, e)
		}
	}
	if b, err := w.store.Ban(t.Context(), room.ID, eve.User.ID); err != nil || b.Reason != "spam" {
		t.Errorf("banned: %+v, %v", b, err)
	}
	w.ok("POST", everywhere, op.Token, `{"span":"day"}`, nil)
	if r := h.purge(t); r.Room != "" || r.User != eve.User.ID || r.Actor != op.User.ID {
		t.Errorf("asked for %+v", r)
	}
	if got, want := w.lastAudited(op), (actView{
		Action: "server.purge", Actor: op.User.ID, ActorName: "Op", Subject: eve.User.ID, SubjectName: "Eve", Address: "198.51.100.7", Detail: "day", Outcome: store.OutcomeDone,
	}); got != want {
		t.Errorf("written down is %s", fmt.Sprint(got))
	}
}
