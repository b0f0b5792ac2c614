package directory

import (
	"encoding/json"
	"fmt"
	"testing"

	"hubbub.internal/libs/chat"
)

func among(others ...credentials) string {
	var ids []string
	for _, o := range others {
		ids = append(ids, o.User.ID)
	}
	b, _ := json.Marshal(map[string][]string{"users": ids})
	return string(b)
}

// acquaint puts people into a room together, so that they are no strangers to each other.
func (w *world) acquaint(all ...credentials) {
	w.t.Helper()
	room := w.create(all[0], `{"name":"Friends","private":false}`)
	for _, c := range all[1:] {
		w.ok("POST", "/v1/rooms/"+room.ID+"/join", c.Token, "", nil)
	}
}

// TestGroups: the same people find the same group, which is named by them; nobody is above others
// in it, and nobody comes in who is not one of them.
func TestGroups(t *testing.T) {
	w := openWorld(t, strangers())
	ann, bob, cy, eve := w.register("Ann"), w.register("bob"), w.register("Cy"), w.register("Eve")
	w.acquaint(ann, bob, cy, eve)
	var room, same roomView
	w.ok("POST", "/v1/direct", ann.Token, among(cy, bob, bob, ann), &room)
	if !chat.IsGroup(room.ID) || !room.Direct || !room.Private || room.Name != "bob, Cy" || len(room.People) != 2 || room.With != "" || room.Role != "member" {
		t.Fatalf("the group is %+v", room)
	}
	if w.ok("POST", "/v1/direct", bob.Token, among(ann, cy), &same); same.ID != room.ID || same.Name != "Ann, Cy" {
		t.Errorf("another of them finds %+v", same)
	}
	var listed roomView
	for _, c := range []credentials{ann, bob, cy} {
		if listed = w.listed(c)[room.ID]; listed.ID == "" || len(listed.People) != 2 {
			t.Errorf("%s has %+v", c.User.Name, listed)
		}
	}
	if _, found := w.listed(eve)[room.ID]; found || w.code(eve, "GET", "/v1/rooms/"+room.ID, "") != "forbidden" {
		t.Error("who is not one of them knows of it")
	}
	for _, deed := range []struct{ method, path, body string }{
		{"POST", "/members", with(eve)}, {"DELETE", "/members/" + bob.User.ID, ""}, {"PATCH", "", `{"name":"Ours"}`}, {"PATCH", "", `{"private":false}`},
		{"POST", "/members", fmt.Sprintf(`{"user":%q,"role":"owner"}`, bob.User.ID)}, {"PUT", "/bans/" + bob.User.ID, `{"reason":"x"}`}, {"POST", "/delete", `{"name":"group"}`},
		{"POST", "/archive", "{}"}, {"POST", "/hide", "{}"},
	} {
		if code := w.code(ann, deed.method, "/v1/rooms/"+room.ID+deed.path, deed.body); code != "forbidden" {
			t.Errorf("%s %s %s: %q", deed.method, deed.path, deed.body, code)
		}
	}
	// With one more it is another.
	if w.ok("POST", "/v1/direct", ann.Token, among(bob, cy, eve), &same); same.ID == room.ID {
		t.Error("a group of others is the same")
	}
	// Who has left comes back by opening it, and is else only asked.
	w.ok("POST", "/v1/rooms/"+room.ID+"/leave", cy.Token, "", nil)
	if w.ok("POST", "/v1/direct", ann.Token, among(bob, cy), &same); same.ID != room.ID || same.Name != "bob" || len(w.invitationsOf(cy)) > 0 {
		t.Errorf("without who has left it is %+v", same)
	}
	w.ok("POST", "/v1/rooms/"+room.ID+"/leave", bob.Token, "", nil)
	w.ok("POST", "/v1/direct", bob.Token, among(ann, cy), nil)
	if asked := w.invitationsOf(cy); len(asked) != 1 || asked[0].RoomName != "Ann, bob" {
		t.Errorf("who has left is asked %+v", asked)
	}
	if w.ok("POST", "/v1/direct", cy.Token, among(ann, bob), &same); same.Name != "Ann, bob" || len(w.invitationsOf(cy)) > 0 {
		t.Errorf("who comes back has %+v and %+v", same, w.invitationsOf(cy))
	}
	// The last who leaves takes it along.
	for _, c := range []credentials{ann, bob, cy} {
		w.ok("POST", "/v1/rooms/"+room.ID+"/leave", c.Token, "", nil)
	}
	if _, err := w.store.Room(t.Context(), room.ID); err == nil {
		t.Error("a group that nobody is in stays")
	}
}

// TestGroupsAskStrangers: strangers are asked before they are in a group, those who want no
// messages are left alone, and a block keeps the two apart.
func TestGroupsAskStrangers(t *testing.T) {
	w := openWorld(t, strangers())
	ann, bob, zed := w.register("Ann"), w.register("Bob"), w.register("Zed")
	w.acquaint(ann, bob)
	var room, accepted roomView
	w.ok("POST", "/v1/direct", ann.Token, among(bob, zed), &room)
	if _, in := w.listed(zed)[room.ID]; in || room.Name != "Bob" {
		t.Errorf("a stranger is in at once: %+v", room)
	}
	asked := w.invitationsOf(zed)
	if len(asked) != 1 || asked[0].RoomName != "Ann, Bob" || asked[0].ByName != "Ann" {
		t.Fatalf("the stranger is asked %+v", asked)
	}
	w.ok("POST", "/v1/invitations/"+room.ID+"/accept", zed.Token, "{}", &accepted)
	if accepted.Name != "Ann, Bob" || len(w.listed(ann)[room.ID].People) != 2 {
		t.Errorf("who has accepted has %+v", accepted)
	}
	// Of strangers alone it is called by those who are asked.
	yan, xi := w.register("Yan"), w.register("Xi")
	var alone roomView
	if w.ok("POST", "/v1/direct", ann.Token, among(yan, xi), &alone); alone.Name != "Xi, Yan" || len(alone.People) > 0 {
		t.Errorf("a group of strangers is %+v", alone)
	}
	w.ok("PATCH", "/v1/settings", yan.Token, `{"direct_by":"nobody"}`, nil)
	if code := w.code(bob, "POST", "/v1/direct", among(yan, ann)); code != "forbidden" {
		t.Errorf("who wants no messages: %q", code)
	}
	w.ok("PUT", "/v1/blocks/"+ann.User.ID, xi.Token, `{"kind":"block"}`, nil)
	if code := w.code(ann, "POST", "/v1/direct", among(xi, bob)); code != "forbidden" {
		t.Errorf("who blocks: %q", code)
	}
	if code := w.code(xi, "POST", "/v1/direct", among(ann, bob)); code != "conflict" {
		t.Errorf("who is blocked: %q", code)
	}
}

func TestGroupsAreBounded(t *testing.T) {
	cfg := strangers()
	cfg.DirectHour, cfg.DirectDay = 2, 4
	w := openWorld(t, cfg)
	ann := w.register("Ann")
	var others []credentials
	for i := range maxGroup {
		others = append(others, w.comeIn(fmt.Sprint("Other", i)))
	}
	if code := w.code(ann, "POST", "/v1/direct", among(others...)); code != "bad_request" {
		t.Errorf("%d people: %q", len(others)+1, code)
	}
	if code := w.code(ann, "POST", "/v1/direct", among(others[1:]...)); code != "" {
		t.Errorf("%d people: %q", maxGroup, code)
	}
	for i, want := range []string{"", "rate_limited"} {
		if code := w.code(ann, "POST", "/v1/direct", among(others[i], others[i+1])); code != want {
			t.Errorf("group %d: %q, want %q", i, code, want)
		}
	}
	for body, want := range map[string]string{among(): "bad_request", among(ann): "bad_request", `{"users":["no-such","nor-this"]}`: "not_found", `{}`: "bad_request"} {
		if code := w.code(ann, "POST", "/v1/direct", body); code != want {
			t.Errorf("%s: %q, want %q", body, code, want)
		}
	}
	var two roomView
	if w.ok("POST", "/v1/direct", others[0].Token, among(ann), &two); two.With != ann.User.ID {
		t.Errorf("of two people it is %+v", two)
	}
}
