package directory

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/directory/store"
)

// TestListsOfDeparted: what was kept under the name of somebody who has deleted the account is
// listed without it. Only the audit log keeps who did what.
func TestListsOfDeparted(t *testing.T) {
	w := openWorld(t, strangers())
	h := w.historian()
	op, ann, bob, eve, gone := w.operator("Op"), w.register("Ann"), w.register("Bob"), w.register("Eve"), w.register("Quentin")
	h.author = gone.User.ID
	room, theirs := w.create(ann, `{"name":"Open"}`), w.create(gone, `{"name":"Theirs"}`)
	w.bring(ann, room.ID, gone, directoryapi.RoleModerator)
	do := func(who credentials, method, path, body string) {
		t.Helper()
		w.ok(method, path, who.Token, body, nil)
	}
	id := gone.User.ID
	do(gone, "POST", "/v1/rooms/"+theirs.ID+"/members", fmt.Sprintf(`{"user":%q}`, bob.User.ID))
	client := directoryapi.NewClient(w.bus)
	var direct roomView
	w.ok("POST", "/v1/direct", gone.Token, fmt.Sprintf(`{"user":%q}`, bob.User.ID), &direct)
	if err := client.Ask(t.Context(), id, direct.ID, "m1"); err != nil {
		t.Fatal(err)
	}
	do(eve, "PUT", "/v1/blocks/"+id, `{"kind":"ignore"}`)
	do(ann, "POST", "/v1/rooms/"+room.ID+"/reports", fmt.Sprintf(`{"author":%q,"message":"m1","reason":"spam"}`, id))
	do(op, "PUT", "/v1/server/users/"+id+"/role", `{"role":"operator"}`)
	w.ok("POST", "/v1/login", "", `{"name":"Quentin","password":"correct horse"}`, &gone)
	var made invitationLinkView
	w.ok("POST", "/v1/server/invitations", gone.Token, `{"uses":1}`, &made)
	do(op, "PUT", "/v1/server/users/"+id+"/role", `{"role":""}`)
	do(ann, "PUT", "/v1/rooms/"+room.ID+"/mutes/"+id, `{}`)
	do(op, "PUT", "/v1/mutes/"+id, `{}`)
	do(ann, "PUT", "/v1/rooms/"+room.ID+"/bans/"+id, `{}`)
	if err := w.store.PutReport(t.Context(), store.Report{
		ID: "r2", Room: room.ID, Author: bob.User.ID, AuthorName: "Bob", Message: "m9", Reporter: id, ReporterName: "Quentin", Taker: id, TakerName: "Quentin", State: store.ReportTaken, Created: 1,
	}); err != nil {
		t.Fatal(err)
	}
	lists := []struct {
		who  credentials
		path string
	}{
		{ann, "/v1/rooms/" + room.ID + "/reports"}, {op, "/v1/reports"}, {ann, "/v1/rooms/" + room.ID + "/mutes"}, {op, "/v1/mutes"},
		{ann, "/v1/rooms/" + room.ID + "/bans"}, {eve, "/v1/blocks"}, {op, "/v1/server/invitations"}, {op, "/v1/server?invite=" + made.Link},
		{bob, "/v1/invitations"}, {bob, "/v1/requests"},
	}
	read := func(who credentials, path string) string {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+who.Token)
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		body, _ := io.ReadAll(rec.Body) // of a recorder
		return string(body)
	}
	for _, l := range lists {
		if body := read(l.who, l.path); !strings.Contains(body, "Quentin") {
			t.Errorf("before, GET %s: %s", l.path, body)
		}
	}
	do(gone, "POST", "/v1/me/delete", `{"password":"correct horse"}`)
	for _, l := range lists {
		if body := read(l.who, l.path); strings.Contains(body, "Quentin") {
			t.Errorf("after, GET %s: %s", l.path, body)
		}
	}
	if body := read(op, "/v1/audit?subject="+id); !strings.Contains(body, "Quentin") {
		t.Errorf("the audit log: %s", body)
	}
	many := make([]string, directoryapi.MaxDeparted+1)
	if _, err := client.Departed(t.Context(), many); err == nil {
		t.Error("too many are asked about")
	}
	if users, err := client.Departed(t.Context(), []string{id, bob.User.ID, "nobody", "no id"}); err != nil || len(users) != 1 || users[0] != id {
		t.Errorf("departed are %q, %v", users, err)
	}
}
