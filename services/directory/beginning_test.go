package directory

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// say appends a message, and returns its Seq.
func (w *world) say(room, user, text string) uint64 {
	w.t.Helper()
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: room, User: user, ID: chat.NewID(), Text: text})
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := bus.Append(w.t.Context(), w.bus, bus.NewEntry{Room: room, Sender: user, ID: chat.NewID(), Data: data})
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Seq
}

// begun returns where the last membership of a user in a room begins, as the room was told.
func (w *world) begun(room, user string) (from uint64) {
	w.t.Helper()
	for _, e := range w.events(room) {
		if e.Type == chat.TypeMember && e.Member == user {
			from = e.From
		}
	}
	return from
}

// TestMembershipBegins holds that a room is told where a membership begins: at the end of the log
// for who joins and for who is added, at the invitation for who was invited, and at the beginning
// of a direct room. A new role begins nothing.
func TestMembershipBegins(t *testing.T) {
	w := openWorld(t, strangers())
	ann, bob, eve := w.register("Ann"), w.register("Bob"), w.register("Eve")
	room := w.create(ann, `{"name":"Books"}`)
	path := "/v1/rooms/" + room.ID
	if from := w.begun(room.ID, ann.User.ID); from != fromStart {
		t.Errorf("who makes a room begins at %d", from)
	}
	last := w.say(room.ID, ann.User.ID, "before")
	w.ok("POST", path+"/join", bob.Token, "", nil)
	if from := w.begun(room.ID, bob.User.ID); from < last {
		t.Errorf("who joins begins at %d, and a message before has %d", from, last)
	}
	w.ok("POST", path+"/members", ann.Token, fmt.Sprintf(`{"user":%q,"role":"moderator"}`, bob.User.ID), nil)
	if from := w.begun(room.ID, bob.User.ID); from != 0 {
		t.Errorf("a new role begins a membership at %d", from)
	}

	last = w.say(room.ID, ann.User.ID, "before the invitation")
	var added addedOutput
	if w.ok("POST", path+"/members", ann.Token, with(eve), &added); !added.Invited {
		t.Fatal("a stranger was added without being asked")
	}
	first := w.say(room.ID, ann.User.ID, "welcome @eve")
	w.ok("POST", "/v1/invitations/"+room.ID+"/accept", eve.Token, "", nil)
	if from := w.begun(room.ID, eve.User.ID); from < last || from >= first {
		t.Errorf("who was invited between %d and %d begins at %d", last, first, from)
	}

	last = w.say(room.ID, ann.User.ID, "more")
	w.ok("DELETE", path+"/members/"+eve.User.ID, ann.Token, "", nil)
	w.ok("POST", path+"/members", ann.Token, with(bob), nil)
	w.ok("POST", path+"/join", eve.Token, "", nil)
	if from := w.begun(room.ID, eve.User.ID); from < last {
		t.Errorf("who comes back begins at %d, and a message before has %d", from, last)
	}

	var direct roomView
	w.ok("POST", "/v1/direct", ann.Token, with(bob), &direct)
	if from := w.begun(direct.ID, bob.User.ID); from != fromStart {
		t.Errorf("a direct room begins at %d", from)
	}
}

// TestMembershipThatIsToldLater: what a crash left untold is told with where it began.
func TestMembershipThatIsToldLater(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Books"}`)
	i, err := w.membership.beginning(t.Context(), memberIntent(room.ID, bob.User.ID, "Bob", ann.User.ID, directoryapi.RoleMember))
	if err != nil {
		t.Fatal(err)
	}
	i.ID, i.Created = chat.NewID(), 1
	if err := w.store.PutIntent(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	if err := w.store.PutMember(t.Context(), store.Member{Room: room.ID, User: bob.User.ID, Name: "Bob", Role: directoryapi.RoleMember, Since: 1}); err != nil {
		t.Fatal(err)
	}
	first := w.say(room.ID, ann.User.ID, "@bob")
	if err := w.changes.tellUntold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if from := w.begun(room.ID, bob.User.ID); from == 0 || from >= first {
		t.Errorf("begins at %d; the first message after it has %d", from, first)
	}
}

func TestMemberships(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Books","private":true}`)
	w.create(bob, `{"name":"Others"}`)
	other := w.create(ann, `{"name":"Left"}`)
	w.ok("POST", "/v1/direct", bob.Token, with(ann), nil)
	direct := chat.DirectRoom(ann.User.ID, bob.User.ID)
	w.ok("POST", "/v1/rooms/"+other.ID+"/leave", ann.Token, "", nil)
	w.ok("PUT", "/v1/blocks/"+bob.User.ID, ann.Token, `{"kind":"ignore"}`, nil)
	if err := w.store.PutBan(t.Context(), store.Ban{Room: "random", User: ann.User.ID, Created: 1}); err != nil {
		t.Fatal(err)
	}
	got, err := directoryapi.NewClient(w.bus).Memberships(t.Context(), ann.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	rooms := map[string]bool{}
	for _, m := range got.Rooms {
		if rooms[m.Room] = true; m.Since == 0 {
			t.Errorf("%s has no time", m.Room)
		}
	}
	if diff := cmp.Diff(map[string]bool{"lobby": true, "help": true, room.ID: true, direct: true}, rooms); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{bob.User.ID}, got.Hidden); diff != "" {
		t.Error(diff)
	}
	if got, err := directoryapi.NewClient(w.bus).Memberships(t.Context(), "nobody"); err != nil || len(got.Rooms) != 0 {
		t.Errorf("nobody is in %+v, %v", got, err)
	}
	if _, err := directoryapi.NewClient(w.bus).Memberships(t.Context(), "a b"); chat.CodeOf(err) != chat.CodeBadRequest {
		t.Errorf("a bad id: %v", err)
	}
}

func TestMentionsAreOfMembers(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, eve, guest := w.register("Ann"), w.register("Bob"), w.register("Eve"), w.comeIn("Gus")
	room := w.create(ann, `{"name":"Books"}`)
	for _, c := range []credentials{bob, guest} {
		w.ok("POST", "/v1/rooms/"+room.ID+"/join", c.Token, "", nil)
	}
	names := []string{"ANN", "Bob", "eve", "gus (guest)", "gus", "nobody"}
	got, err := directoryapi.NewClient(w.bus).Mentions(t.Context(), []directoryapi.MentionText{
		{Room: room.ID, Sender: ann.User.ID, Names: names, All: true},
		{Room: room.ID, Sender: bob.User.ID, All: true},
		{Room: "lobby", Sender: eve.User.ID, Names: names},
		{Room: "no-room", Sender: eve.User.ID, Names: names, All: true},
		{Room: chat.DirectRoom(ann.User.ID, bob.User.ID), Sender: ann.User.ID, Names: names},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []directoryapi.Mentioned{
		{Users: map[string]string{"ANN": ann.User.ID, "Bob": bob.User.ID, "gus (guest)": guest.User.ID}, All: true},
		{},
		{Users: map[string]string{"ANN": ann.User.ID, "Bob": bob.User.ID, "eve": eve.User.ID, "gus (guest)": guest.User.ID}},
		{},
		{},
	}
	if diff := cmp.Diff(want, got.Texts); diff != "" {
		t.Error(diff)
	}
	// Who is asked is mentioned, too, and is not told yet.
	if err := w.store.CreateInvitation(t.Context(), store.Invitation{Room: room.ID, User: eve.User.ID, Actor: ann.User.ID, Expires: 1 << 50}); err != nil {
		t.Fatal(err)
	}
	got, err = directoryapi.NewClient(w.bus).Mentions(t.Context(), []directoryapi.MentionText{{Room: room.ID, Sender: ann.User.ID, Names: []string{"eve", "bob"}}})
	if err != nil {
		t.Fatal(err)
	}
	want = []directoryapi.Mentioned{{Users: map[string]string{"eve": eve.User.ID, "bob": bob.User.ID}, Asked: []string{eve.User.ID}}}
	if diff := cmp.Diff(want, got.Texts); diff != "" {
		t.Error(diff)
	}
	many := make([]directoryapi.MentionText, directoryapi.MaxMentions+1)
	for i := range many {
		many[i] = directoryapi.MentionText{Room: room.ID, Sender: ann.User.ID}
	}
	for name, texts := range map[string][]directoryapi.MentionText{
		"too many": many, "a bad room": {{Room: "a b", Sender: "x"}}, "a bad sender": {{Room: "x", Sender: ""}},
		"too many names": {{Room: "x", Sender: "x", Names: make([]string, directoryapi.MaxMentionNames+1)}},
	} {
		if _, err := directoryapi.NewClient(w.bus).Mentions(t.Context(), texts); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}
