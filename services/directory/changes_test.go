package directory

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/mongo"
)

func memberOf(room string, c credentials) store.Member {
	return store.Member{Room: room, User: c.User.ID, Name: c.User.Name, Role: directoryapi.RoleMember, Since: 1}
}

// age returns what is untold, made old enough to be told.
func (w *world) age() []store.Intent {
	w.t.Helper()
	left, err := w.store.IntentsBefore(w.t.Context(), time.Now().Add(time.Hour).UnixMilli(), 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range left {
		left[i].Created -= int64(time.Hour / time.Millisecond)
		if err := w.store.PutIntent(w.t.Context(), left[i]); err != nil {
			w.t.Fatal(err)
		}
	}
	return left
}

// TestChangesReachCaches: caches on other connections know of a change as soon as it is in the
// control log.
func TestChangesReachCaches(t *testing.T) {
	w := openRealWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	told := make(chan directoryapi.Change, 100)
	cache := w.cache(func(c directoryapi.Change) { told <- c })
	room := w.create(ann, `{"name":"Room"}`)
	next := func(kind string) directoryapi.Change {
		t.Helper()
		for {
			select {
			case c := <-told:
				if c.Kind == kind && c.Room == room.ID {
					return c
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("no change of the kind %s was told", kind)
			}
		}
	}
	access := func() directoryapi.Access {
		t.Helper()
		a, err := cache.Access(t.Context(), bob.User.ID, room.ID)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	next(directoryapi.ChangeAccess)
	reads := directoryapi.Access{Read: true}
	member := directoryapi.Access{Role: directoryapi.RoleMember, Read: true, Send: true, React: true}
	if a := access(); a != reads {
		t.Errorf("before: %+v", a)
	}
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	if c := next(directoryapi.ChangeAccess); c.User != bob.User.ID || c.Access != member {
		t.Errorf("told %+v", c)
	}
	member.Small = true // which only an answer says
	if a := access(); a != member {
		t.Errorf("as a member: %+v", a)
	}
	w.ok("DELETE", "/v1/rooms/"+room.ID+"/members/"+bob.User.ID, ann.Token, "", nil)
	if c := next(directoryapi.ChangeAccess); c.User != bob.User.ID || c.Access != reads {
		t.Errorf("told %+v", c)
	}
	if a := access(); a != reads {
		t.Errorf("removed: %+v", a)
	}
	// A new topic is nothing to a cache, another rule is.
	w.ok("PATCH", "/v1/rooms/"+room.ID, ann.Token, `{"topic":"tea"}`, nil)
	if _, ok := cache.Cached(bob.User.ID, room.ID); !ok {
		t.Error("a new topic made permissions unknown")
	}
	w.ok("PATCH", "/v1/rooms/"+room.ID, ann.Token, `{"private":true}`, nil)
	next(directoryapi.ChangeRoom)
	if a := access(); a != (directoryapi.Access{}) {
		t.Errorf("a private room: %+v", a)
	}
	w.ok("PATCH", "/v1/rooms/"+room.ID, ann.Token, `{"private":false}`, nil)
	next(directoryapi.ChangeRoom)
	if a := access(); a != reads {
		t.Errorf("a public room: %+v", a)
	}
	w.ok("POST", "/v1/rooms/"+room.ID+"/leave", ann.Token, "", nil)
	next(directoryapi.ChangeRoom)
	if a := access(); a != (directoryapi.Access{}) {
		t.Errorf("no room: %+v", a)
	}
}

// TestUntoldChangesAreTold: the store fails right before and after a change, as a crash would:
// what is then true is told all the same.
func TestUntoldChangesAreTold(t *testing.T) {
	w := openRealWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Open"}`)
	for _, when := range []string{"PutMember before", "PutMember after"} {
		w.store.failAt(when, io.ErrUnexpectedEOF)
		if status, code := w.call("POST", "/v1/rooms/"+room.ID+"/join", bob.Token, "", nil); status != 503 || code != "unavailable" {
			t.Fatalf("with a broken store: %d %s", status, code)
		}
	}
	w.store.set(nil)
	if left := w.age(); len(left) != 2 {
		t.Fatalf("intents are %+v", left)
	}
	w.keepHouse(t.Context())
	if left := w.age(); len(left) != 0 {
		t.Errorf("intents are %+v", left)
	}
	if e := w.last(room.ID); e.Type != chat.TypeMember || e.Member != bob.User.ID || e.Role != "member" || e.Name != "Bob" {
		t.Errorf("the room was told %+v", e)
	}
}

// TestToldTwiceIsSeenOnce: the store fails right after a change was told.
func TestToldTwiceIsSeenOnce(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Open"}`)
	w.store.failAt("DeleteIntent", io.ErrUnexpectedEOF)
	w.ok("POST", "/v1/rooms/"+room.ID+"/join", bob.Token, "", nil)
	w.store.set(nil)
	before := w.events(room.ID)
	if left := w.age(); len(left) != 1 {
		t.Fatalf("intents are %+v", left)
	}
	if err := w.changes.tellUntold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := w.events(room.ID); len(after) != len(before) {
		t.Errorf("the room was told %+v", after[len(before):])
	}
	// If the membership has ended since, that is told: what the intent said is no longer true.
	w.store.failAt("DeleteIntent", io.ErrUnexpectedEOF)
	w.ok("POST", "/v1/rooms/"+room.ID+"/leave", bob.Token, "", nil)
	w.ok("POST", "/v1/rooms/"+room.ID+"/join", bob.Token, "", nil)
	w.store.set(nil)
	if err := w.store.DeleteMember(t.Context(), room.ID, bob.User.ID); err != nil {
		t.Fatal(err)
	}
	if left := w.age(); len(left) != 2 {
		t.Fatalf("intents are %+v", left)
	}
	if err := w.changes.tellUntold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := w.last(room.ID); e.Member != bob.User.ID || e.Role != "" {
		t.Errorf("the room was told last %+v", e)
	}
}

// TestTheTruthIsToldLast has two replicas change one membership at the same time, again and again:
// whatever came out, it is what the logs say last, and what a cache says.
func TestTheTruthIsToldLast(t *testing.T) {
	w := openRealWorld(t, config())
	other := start(t, config(), w.connect, w.store)
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Room","private":true}`)
	cache := w.cache(func(directoryapi.Change) {})
	for range 30 {
		var wait sync.WaitGroup
		for i, replica := range []*world{w, other, w} {
			wait.Go(func() {
				var err error
				if i == 1 {
					err = replica.members.removeMember(t.Context(), w.claims(ann), room.ID, bob.User.ID, "")
				} else {
					_, err = replica.members.addMember(t.Context(), w.claims(ann), room.ID, bob.User.ID, directoryapi.RoleMember)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		now, err := w.store.Member(t.Context(), room.ID, bob.User.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		mine := slices.DeleteFunc(w.events(room.ID), func(e chat.Event) bool { return e.Member != bob.User.ID })
		if len(mine) > 0 && mine[len(mine)-1].Role != string(now.Role) {
			t.Fatalf("the room was told last that bob is %q, and he is %q", mine[len(mine)-1].Role, now.Role)
		}
		if own := w.events(chat.UserRoom(bob.User.ID)); len(own) > 0 && own[len(own)-1].Role != string(now.Role) {
			t.Fatalf("bob was told last %+v, and he is %q", own[len(own)-1], now.Role)
		}
		w.eventually("the cache has it", func() bool {
			a, err := cache.Access(t.Context(), bob.User.ID, room.ID)
			return err == nil && a.Role == now.Role
		})
	}
}

func TestStoreDown(t *testing.T) {
	w := openRealWorld(t, config())
	ann := w.register("Ann")
	w.store.set(func(string) error { return io.ErrUnexpectedEOF })
	if _, code := w.call("POST", "/v1/login", "", `{"name":"Ann","password":"correct horse"}`, nil); code != "unavailable" {
		t.Errorf("login: %q", code)
	}
	if c := w.code(ann, "GET", "/v1/rooms", ""); c != "unavailable" {
		t.Errorf("rooms: %q", c)
	}
	if _, err := directoryapi.NewClient(w.bus).Access(t.Context(), "u1", "lobby"); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("access: %v", err)
	}
	if w.Ready(t.Context()) == nil {
		t.Error("ready without a store")
	}
	// Tokens are verified all the same.
	if _, err := directoryapi.NewClient(w.bus).Keys(t.Context()); err != nil {
		t.Errorf("keys: %v", err)
	}
	w.store.set(nil)
	w.ok("GET", "/v1/rooms", ann.Token, "", nil)
	if err := w.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestMongoGone kills the database under the service, and starts it again. That it is gone is found
// in half a second; where the machine is busy that may be too short for a server that is up, so
// what has to work is tried until it does.
func TestMongoGone(t *testing.T) {
	server := mongotest.Start(t)
	w := openWorld(t, config())
	var m *mongo.Store
	w.eventually("the store opens", func() (ok bool) {
		var err error
		m, err = mongo.Open(t.Context(), server.URL+"?serverSelectionTimeoutMS=500", nil)
		return err == nil
	})
	t.Cleanup(func() { _ = m.Close() })
	on := start(t, config(), w.connect, newFaulty(m))
	w.stop()
	works := func(method, path, token, body string, out any) {
		t.Helper()
		on.eventually(method+" "+path, func() bool {
			status, code := on.call(method, path, token, body, out)
			if status != 200 && code != chat.CodeUnavailable {
				t.Fatalf("%s %s answered %d %s", method, path, status, code)
			}
			return status == 200
		})
	}
	var ann credentials
	var room roomView
	works("POST", "/v1/guest", "", `{"name":"Ann"}`, &ann)
	works("POST", "/v1/rooms", ann.Token, `{"name":"Room"}`, &room)
	server.Kill()
	if c := on.code(ann, "GET", "/v1/rooms", ""); c != "unavailable" {
		t.Errorf("rooms: %q", c)
	}
	if _, err := directoryapi.NewClient(on.bus).Access(t.Context(), ann.User.ID, room.ID); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("access: %v", err)
	}
	server.Again()
	on.eventually("it works again", func() bool { return on.Ready(t.Context()) == nil })
	var rooms roomsOutput
	works("GET", "/v1/rooms", ann.Token, "", &rooms)
	i := slices.IndexFunc(rooms.Rooms, func(r roomView) bool { return r.ID == room.ID })
	if i < 0 || rooms.Rooms[i].Role != directoryapi.RoleOwner {
		t.Errorf("the rooms are %+v", rooms.Rooms)
	}
}

// TestStartWithoutStore starts the service before its store works.
func TestStartWithoutStore(t *testing.T) {
	w := openWorld(t, config())
	broken := openStore(t)
	broken.set(func(string) error { return io.ErrUnexpectedEOF })
	late := run(t, config(), w.connect, broken, never)
	for _, path := range []string{"/v1/rooms", "/.well-known/jwks.json"} {
		if status, code := late.call("GET", path, "", "", nil); status != 503 || code != "unavailable" {
			t.Errorf("%s before the start: %d %s", path, status, code)
		}
	}
	if late.Ready(t.Context()) == nil {
		t.Error("ready without a store")
	}
	broken.set(nil)
	late.eventually("it is prepared", func() bool { return late.Ready(t.Context()) == nil })
	late.listed(late.register("Ann"))
}

// TestBusDown: the bus goes away under a change: it is made, and told when the bus is back.
func TestBusDown(t *testing.T) {
	w := openRealWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Room"}`)
	w.ok("POST", "/v1/rooms/"+room.ID+"/join", bob.Token, "", nil)
	eve := w.register("Eve")
	if err := w.bus.Close(); err != nil {
		t.Fatal(err)
	}
	for what, who := range map[string]credentials{"join": eve, "leave": bob} {
		if c := w.code(who, "POST", "/v1/rooms/"+room.ID+"/"+what, ""); c != "unavailable" {
			t.Errorf("%s without a bus: %q", what, c)
		}
	}
	w.stop()
	again := start(t, config(), w.connect, w.store)
	if left := again.age(); len(left) != 1 {
		t.Fatalf("intents are %+v", left)
	}
	again.keepHouse(t.Context())
	if left := again.age(); len(left) != 0 {
		t.Errorf("intents are %+v", left)
	}
	if e := again.last(room.ID); e.Type != chat.TypeMember || e.Member != bob.User.ID || e.Role != "" {
		t.Errorf("the room was told %+v", e)
	}
	if own := again.last(chat.UserRoom(bob.User.ID)); own.Type != chat.TypeRemoved || own.Target != room.ID {
		t.Errorf("bob was told %+v", own)
	}
}

// TestIntentsThatCameToNothing: a crash right after an intent was kept, before anything was done,
// changes nothing, whatever was meant.
func TestIntentsThatCameToNothing(t *testing.T) {
	w := openWorld(t, config())
	h := w.historian()
	op, ann, bob := w.operator("Op"), w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Open"}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	state := func() string {
		t.Helper()
		r, err := w.store.Room(t.Context(), room.ID)
		members, err2 := w.store.Members(t.Context(), room.ID, "", 10)
		u, err3 := w.store.User(t.Context(), bob.User.ID)
		if err := errors.Join(err, err2, err3); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%+v %+v %+v %+v %+v", r, members, u, w.access(bob, room.ID), w.access(ann, room.ID))
	}
	before := state()
	for name, i := range map[string]store.Intent{
		"delete a room":     {Kind: kindDeleteRoom, Room: room.ID, Name: "Open", Actor: ann.User.ID},
		"archive it":        {Kind: kindArchive, Room: room.ID, Actor: ann.User.ID},
		"hide it":           {Kind: directoryapi.ChangeRoom, Room: room.ID, Actor: ann.User.ID},
		"change its rules":  {Kind: kindRules, Room: room.ID, Actor: ann.User.ID},
		"remove a member":   {Kind: directoryapi.ChangeAccess, Room: room.ID, User: bob.User.ID, Name: "Bob", Actor: ann.User.ID},
		"promote a member":  {Kind: directoryapi.ChangeAccess, Room: room.ID, User: bob.User.ID, Name: "Bob", Actor: ann.User.ID, Role: "owner"},
		"demote the owner":  {Kind: directoryapi.ChangeAccess, Room: room.ID, User: ann.User.ID, Name: "Ann", Actor: ann.User.ID, Role: "member"},
		"mute":              {Kind: kindMute, Room: room.ID, User: bob.User.ID, Name: "Bob", Actor: ann.User.ID},
		"ban":               {Kind: kindBan, User: bob.User.ID, Name: "Bob", Actor: op.User.ID},
		"end a ban":         {Kind: kindUnban, Room: room.ID, User: bob.User.ID, Name: "Bob", Actor: ann.User.ID},
		"block":             {Kind: kindBlock, User: bob.User.ID, Actor: ann.User.ID},
		"delete an account": {Kind: kindDelete, User: bob.User.ID, Actor: bob.User.ID, Role: removeMessages},
	} {
		i.ID, i.Created = chat.NewID(), time.Now().UnixMilli()
		if err := w.store.PutIntent(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		w.age()
		w.keepHouse(t.Context())
		if left := w.age(); len(left) > 0 {
			t.Errorf("%s: still to be told: %+v", name, left)
		}
		if after := state(); after != before {
			t.Fatalf("%s: there was\n%s\nand now there is\n%s", name, before, after)
		}
		for _, c := range []credentials{ann, bob} {
			var next credentials
			if code := w.code(c, "GET", "/v1/me", ""); code != "" {
				t.Errorf("%s: the token of %s: %q", name, c.User.Name, code)
			}
			if w.ok("POST", "/v1/login", "", fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, c.User.Name), &next); next.Token == "" {
				t.Errorf("%s: %s cannot log in", name, c.User.Name)
			}
			if e := w.last(chat.UserRoom(c.User.ID)); e.Type == chat.TypeRemoved {
				t.Errorf("%s: %s was told %+v", name, c.User.Name, e)
			}
		}
		if len(h.purges)+len(h.rooms) > 0 {
			t.Errorf("%s: history was asked to remove %v, %v", name, h.purges, h.rooms)
		}
	}
}
