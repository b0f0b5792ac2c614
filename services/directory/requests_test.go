package directory

import (
	"fmt"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// strangers is the configuration that operators get.
func strangers() Config {
	cfg := config()
	cfg.Requests, cfg.Invitations = true, true
	return cfg
}

func with(u credentials) string { return fmt.Sprintf(`{"user":%q}`, u.User.ID) }

func (w *world) requests(c credentials) []requestView {
	w.t.Helper()
	var out requestsOutput
	w.ok("GET", "/v1/requests", c.Token, "", &out)
	return out.Requests
}

// write sends a message as an edge does, and returns the code of the answer.
func (w *world) write(c credentials, room, id string) string {
	w.t.Helper()
	client := directoryapi.NewClient(w.bus)
	a, err := client.Access(w.t.Context(), c.User.ID, room)
	switch {
	case err != nil:
		w.t.Fatal(err)
	case a.Send:
		return ""
	case !a.Ask:
		return chat.CodeForbidden
	}
	if err := client.Ask(w.t.Context(), c.User.ID, room, id); err != nil {
		return chat.CodeOf(err)
	}
	return ""
}

func (w *world) access(c credentials, room string) directoryapi.Access {
	w.t.Helper()
	a, err := directoryapi.NewClient(w.bus).Access(w.t.Context(), c.User.ID, room)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func TestRequests(t *testing.T) {
	w := openWorld(t, strangers())
	ann, eve, gus := w.register("Ann"), w.register("Eve"), w.comeIn("Gus")
	var room roomView
	w.ok("POST", "/v1/direct", eve.Token, with(ann), &room)
	if room.Name != "Ann" || room.With != ann.User.ID || room.Request != "sent" || w.listed(eve)[room.ID].Request != "sent" {
		t.Errorf("the room of a request is %+v, listed as %+v", room, w.listed(eve)[room.ID])
	}
	if _, listed := w.listed(ann)[room.ID]; listed || len(w.requests(ann)) > 0 || len(w.events(chat.UserRoom(ann.User.ID))) > 0 || w.access(ann, room.ID).Read {
		t.Error("a request shows before anything is said")
	}
	cache := w.cache(func(directoryapi.Change) {})
	read := func() bool {
		a, err := cache.Access(t.Context(), ann.User.ID, room.ID)
		return err == nil && a.Read
	}
	if read() {
		t.Error("the receiver may read a request that there is not yet")
	}
	for _, tt := range []struct{ id, code string }{{"m1", ""}, {"m1", ""}, {"m2", ""}, {"m3", ""}, {"m4", "forbidden"}, {"m2", ""}} {
		if c := w.write(eve, room.ID, tt.id); c != tt.code {
			t.Errorf("message %s: %q, want %q", tt.id, c, tt.code)
		}
	}
	w.eventually("the receiver may look", read)
	if a := w.access(ann, room.ID); a.Role != "" || a.Send || a.Ask || a.Direct || a.Small {
		t.Errorf("who is asked has %+v", a)
	}
	if got := w.requests(ann); len(got) != 1 || got[0].User != eve.User.ID || got[0].Name != "Eve" || got[0].Count != 3 || got[0].Room != room.ID {
		t.Errorf("requests are %+v", got)
	}
	if e := w.last(chat.UserRoom(ann.User.ID)); e.Type != chat.TypeChanged || e.Target != chat.ListRequests {
		t.Errorf("ann was told %+v", e)
	}
	if _, listed := w.listed(ann)[room.ID]; listed {
		t.Error("a request is listed with the rooms")
	}
	path := "/v1/requests/" + room.ID
	for _, tt := range []struct {
		name         string
		who          credentials
		method, path string
	}{
		{"the sender accepts", eve, "POST", path + "/accept"},
		{"another accepts", gus, "POST", path + "/accept"},
		{"the sender refuses", eve, "DELETE", path},
		{"none is accepted", ann, "POST", "/v1/requests/none/accept"},
		{"no id is accepted", ann, "POST", "/v1/requests/a%20b/accept"},
	} {
		if c := w.code(tt.who, tt.method, tt.path, ""); c != "not_found" {
			t.Errorf("%s: %q", tt.name, c)
		}
	}
	var accepted roomView
	w.ok("POST", path+"/accept", ann.Token, "", &accepted)
	if accepted.Request != "" || accepted.With != eve.User.ID || w.listed(ann)[room.ID].With != eve.User.ID || len(w.requests(ann)) > 0 {
		t.Errorf("accepted is %+v", accepted)
	}
	if a, b := w.access(ann, room.ID), w.access(eve, room.ID); !a.Send || !b.Send || a.Ask || b.Ask {
		t.Errorf("access is %+v and %+v", a, b)
	}
	if e := w.last(room.ID); e.Type != chat.TypeMember || e.Member != ann.User.ID {
		t.Errorf("the sender was told %+v", e)
	}

	// Refused: the sender is not told, and has nothing more to say. The other side may change its
	// mind.
	w.ok("POST", "/v1/direct", gus.Token, with(ann), &room)
	if c := w.write(gus, room.ID, "m1"); c != "" {
		t.Fatal(c)
	}
	told := len(w.events(chat.UserRoom(gus.User.ID)))
	w.ok("DELETE", "/v1/requests/"+room.ID, ann.Token, "", nil)
	if len(w.requests(ann)) > 0 || len(w.events(chat.UserRoom(gus.User.ID))) != told || w.access(ann, room.ID).Read {
		t.Error("a request that was refused stays, or its sender was told")
	}
	w.ok("POST", "/v1/direct", gus.Token, with(ann), &room)
	if a := w.access(gus, room.ID); a.Ask || a.Send {
		t.Errorf("after the refusal: %+v", a)
	}
	if c := w.write(gus, room.ID, "m2"); c != "forbidden" {
		t.Errorf("after the refusal: %q", c)
	}
	w.ok("POST", "/v1/direct", ann.Token, with(gus), &room)
	if c := w.write(gus, room.ID, "m3"); c != "" || !w.access(gus, room.ID).Send {
		t.Errorf("after the receiver has opened the room: %q", c)
	}

	// Blocked, at once.
	bob := w.register("Bob")
	w.ok("POST", "/v1/direct", bob.Token, with(ann), &room)
	if c := w.write(bob, room.ID, "m1"); c != "" {
		t.Fatal(c)
	}
	w.ok("PUT", "/v1/blocks/"+bob.User.ID, ann.Token, `{}`, nil)
	if c := w.write(bob, room.ID, "m2"); c != "forbidden" || len(w.requests(ann)) > 0 {
		t.Errorf("after the block: %q, requests are %+v", c, w.requests(ann))
	}
}

// TestFloodOfRequests: many guests write to one user, who can make rooms, talk to friends, and
// gets rid of all of them.
func TestFloodOfRequests(t *testing.T) {
	w := openWorld(t, strangers())
	ann, bob := w.register("Ann"), w.register("Bob")
	for i := range 3 * maxRequests / 2 {
		gus := w.comeIn(fmt.Sprint("Gus", i))
		var room roomView
		w.ok("POST", "/v1/direct", gus.Token, with(ann), &room)
		if c := w.write(gus, room.ID, "m1"); c != "" {
			t.Fatal(c)
		}
	}
	if n := len(w.listed(ann)); n != len(chat.DefaultRooms) {
		t.Errorf("%d rooms are listed to the victim", n)
	}
	var first, second requestsOutput
	w.ok("GET", "/v1/requests", ann.Token, "", &first)
	if len(first.Requests) != maxRequests || !first.More {
		t.Fatalf("the first page has %d, more %v", len(first.Requests), first.More)
	}
	w.ok("GET", fmt.Sprint("/v1/requests?before=", first.Requests[maxRequests-1].Since), ann.Token, "", &second)
	if len(second.Requests) == 0 || second.More || second.Requests[0].Since >= first.Requests[maxRequests-1].Since {
		t.Errorf("the second page has %d, more %v", len(second.Requests), second.More)
	}
	w.create(ann, `{"name":"Mine"}`)
	var room roomView
	w.ok("POST", "/v1/direct", bob.Token, with(ann), &room)
	w.write(bob, room.ID, "m1")
	if got := w.requests(ann); got[0].User != bob.User.ID {
		t.Errorf("the newest request is %+v", got[0])
	}
	w.ok("POST", "/v1/requests/"+room.ID+"/accept", ann.Token, "", nil)
}

// TestAcquaintances: who shares a room that not everybody is in writes and adds at once; a guest
// only where others let them in.
func TestAcquaintances(t *testing.T) {
	cfg := strangers()
	w := openWorld(t, cfg)
	ann, bob, gus, gil, root := w.register("Ann"), w.register("Bob"), w.comeIn("Gus"), w.comeIn("Gil"), w.operator("Chief")
	// of the default rooms: which makes nobody acquainted
	if err := w.Service.operators.appointOwners(t.Context()); err != nil {
		t.Fatal(err)
	}
	open, closed := w.create(ann, `{"name":"Open"}`), w.create(ann, `{"name":"Closed","private":true}`)
	for _, u := range []credentials{bob, gus, gil} {
		w.ok("POST", "/v1/rooms/"+open.ID+"/join", u.Token, "", nil)
	}
	var added addedOutput
	w.ok("POST", "/v1/rooms/"+closed.ID+"/members", ann.Token, with(gil), &added)
	if added.Invited {
		t.Error("who is in a room with somebody is asked before being added to another")
	}
	for _, tt := range []struct {
		name string
		from credentials
		want string
	}{
		{"a registered user in the same public room", bob, ""}, {"a guest there", gus, "sent"}, {"a guest in the same private room", gil, ""},
		{"who runs the server", root, ""}, {"a stranger", w.register("Eve"), "sent"},
	} {
		var room roomView
		if w.ok("POST", "/v1/direct", tt.from.Token, with(ann), &room); room.Request != tt.want {
			t.Errorf("%s: request is %q, want %q", tt.name, room.Request, tt.want)
		}
	}
}

// TestBothAreThere: whoever is told of a direct room sees whom it is with.
func TestBothAreThere(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	told := 0
	w.memory.Fail(func(call string, done bool) error {
		if call == "DeleteIntent" && !done { // somebody has just been told
			told++
			for c, other := range map[*credentials]string{&ann: "Bob", &bob: "Ann"} {
				for _, r := range w.listed(*c) {
					if r.Direct && r.Name != other {
						t.Errorf("the room with %s is %+v", other, r)
					}
				}
			}
		}
		return nil
	})
	w.ok("POST", "/v1/direct", ann.Token, with(bob), nil)
	w.memory.Fail(nil)
	if told != 2 {
		t.Errorf("%d were told", told)
	}
}

// TestHideAndLeave: a direct room is hidden until the other writes, and left until one who writes
// is accepted again.
func TestHideAndLeave(t *testing.T) {
	w := openWorld(t, strangers())
	ann, bob := w.register("Ann"), w.register("Bob")
	var room roomView
	w.ok("POST", "/v1/direct", ann.Token, with(bob), nil)
	w.ok("POST", "/v1/direct", bob.Token, with(ann), &room) // both want it
	path := "/v1/rooms/" + room.ID
	listed := func(c credentials) bool { _, ok := w.listed(c)[room.ID]; return ok }
	if c := w.code(ann, "POST", "/v1/rooms/lobby/hide", ""); c != "forbidden" {
		t.Errorf("a default room is hidden: %q", c)
	}
	told := len(w.events(room.ID))
	w.ok("POST", path+"/hide", ann.Token, "", nil)
	if e := w.last(chat.UserRoom(ann.User.ID)); listed(ann) || !listed(bob) || e.Type != chat.TypeRemoved || e.Target != room.ID || len(w.events(room.ID)) != told {
		t.Error("a hidden room is listed, or the other was told")
	}
	if a := w.access(bob, room.ID); a.Send || !a.Ask {
		t.Errorf("access to a room that the other has hidden is %+v", a)
	}
	for range 5 {
		if c := w.write(bob, room.ID, "m1"); c != "" {
			t.Errorf("a message to a hidden room: %q", c)
		}
	}
	if !listed(ann) || !w.access(bob, room.ID).Send {
		t.Error("a room that the other has written in stays hidden")
	}
	w.ok("POST", path+"/hide", ann.Token, "", nil)
	w.ok("POST", "/v1/direct", ann.Token, with(bob), nil)
	if !listed(ann) {
		t.Error("a room that its user has opened stays hidden")
	}

	w.ok("POST", path+"/leave", ann.Token, "", nil)
	if listed(ann) || !listed(bob) || len(w.events(room.ID)) != told || w.access(ann, room.ID).Read {
		t.Error("a room that was left is listed, or the other was told")
	}
	for i, want := range []string{"", "", "", "forbidden"} {
		if c := w.write(bob, room.ID, fmt.Sprint("n", i)); c != want {
			t.Errorf("message %d to who has left: %q, want %q", i, c, want)
		}
	}
	if got := w.requests(ann); len(got) != 1 || got[0].User != bob.User.ID {
		t.Errorf("requests are %+v", got)
	}
	w.ok("POST", "/v1/requests/"+room.ID+"/accept", ann.Token, "", nil)
	w.ok("POST", path+"/leave", ann.Token, "", nil)
	w.ok("POST", path+"/leave", bob.Token, "", nil)
	if _, err := w.store.Room(t.Context(), room.ID); err == nil {
		t.Error("a direct room that both have left stays")
	}
	w.ok("POST", "/v1/direct", ann.Token, with(bob), &room)
	if room.Request != "sent" {
		t.Errorf("the room after that is %+v", room)
	}
}

// TestLeavingIsNoNewRequest: who leaves a request and opens it again has no more messages than
// before, and a refusal counts.
func TestLeavingIsNoNewRequest(t *testing.T) {
	w := openWorld(t, strangers())
	ann, eve := w.register("Ann"), w.register("Eve")
	var room roomView
	again := func(id string) string {
		w.ok("POST", "/v1/rooms/"+room.ID+"/leave", eve.Token, "", nil)
		if _, listed := w.listed(eve)[room.ID]; listed {
			t.Error("a request that was left is listed")
		}
		w.ok("POST", "/v1/direct", eve.Token, with(ann), &room)
		return w.write(eve, room.ID, id)
	}
	w.ok("POST", "/v1/direct", eve.Token, with(ann), &room)
	for i, want := range []string{"", "", "", "forbidden"} {
		if c := again(fmt.Sprint("m", i)); c != want {
			t.Errorf("message %d: %q, want %q", i, c, want)
		}
	}
	if got := w.requests(ann); len(got) != 1 || got[0].Count != 3 {
		t.Errorf("requests are %+v", got)
	}
	w.ok("DELETE", "/v1/requests/"+room.ID, ann.Token, "", nil)
	if c := again("n"); c != "forbidden" || len(w.requests(ann)) > 0 {
		t.Errorf("a message after a refusal: %q, requests %+v", c, w.requests(ann))
	}
	w.ok("POST", "/v1/direct", ann.Token, with(eve), nil) // who has thought better of it
	if c := w.write(eve, room.ID, "o"); c != "" {
		t.Errorf("a message to who wants it: %q", c)
	}
}
