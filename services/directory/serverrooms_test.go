package directory

import (
	"strings"
	"testing"
)

// TestServerRooms: who runs the server sees every public room, also archived ones and those that
// they are banned from, and archives, restores and deletes what is not theirs.
func TestServerRooms(t *testing.T) {
	w := openWorld(t, config())
	w.historian()
	op, aud, ann := w.operator("Op"), w.register("Audrey"), w.register("Ann")
	w.ok("PUT", "/v1/server/users/"+aud.User.ID+"/role", op.Token, `{"role":"auditor"}`, nil)
	books, cats := w.create(ann, `{"name":"Books","topic":"to read"}`), w.create(ann, `{"name":"Cats"}`)
	secret := w.create(ann, `{"name":"Secret","private":true}`)
	w.ok("PUT", "/v1/rooms/"+cats.ID+"/bans/"+op.User.ID, ann.Token, `{}`, nil)
	list := func(who credentials, query string) string {
		t.Helper()
		var out serverRoomsOutput
		w.ok("GET", "/v1/server/rooms?sort=new"+query, who.Token, "", &out)
		var names []string
		for _, r := range out.Rooms {
			if r.Standing {
				if r.Created != 0 || r.Active != 0 || r.Members != 0 {
					t.Errorf("a room for everybody is %+v", r)
				}
				continue
			}
			names = append(names, r.Name+" by "+r.ByName)
		}
		return strings.Join(names, ", ")
	}
	if got := list(aud, ""); got != "Cats by Ann, Books by Ann" {
		t.Errorf("public rooms are %s", got)
	}
	if got := list(op, "&q=OOK"); got != "Books by Ann" {
		t.Errorf("found are %s", got)
	}
	if c := w.code(aud, "POST", "/v1/rooms/"+books.ID+"/archive", ""); c != "forbidden" {
		t.Errorf("an auditor archives: %q", c)
	}
	w.ok("POST", "/v1/rooms/"+books.ID+"/archive", op.Token, "", nil)
	if got := list(op, "") + "; " + list(op, "&archived=true"); got != "Cats by Ann; Books by Ann" {
		t.Errorf("then there are %s", got)
	}
	w.ok("POST", "/v1/rooms/"+books.ID+"/restore", op.Token, "", nil)
	if got := list(op, "") + "; " + list(op, "&archived=true"); got != "Cats by Ann, Books by Ann; " {
		t.Errorf("restored: %s", got)
	}
	for _, room := range []string{"lobby", "none", "r.1"} {
		if c := w.code(op, "POST", "/v1/rooms/"+room+"/archive", ""); c != "forbidden" {
			t.Errorf("%s is archived: %q", room, c)
		}
	}
	w.ok("POST", "/v1/rooms/"+cats.ID+"/delete", op.Token, `{"name":"Cats"}`, nil)
	if got := list(op, ""); got != "Books by Ann" {
		t.Errorf("deleted: %s", got)
	}
	if a := w.audited(op, "action=room.archive"); len(a) != 1 || a[0].Actor != op.User.ID || a[0].Room != books.ID || a[0].Detail != "Books" {
		t.Errorf("written down is %+v", a)
	}
	if c := w.code(ann, "POST", "/v1/rooms/"+secret.ID+"/archive", ""); c != "" {
		t.Errorf("the owner archives: %q", c)
	}
}
