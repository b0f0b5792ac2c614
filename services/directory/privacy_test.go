package directory

import (
	"fmt"
	"slices"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/directory/store"
)

// TestSeenBy: when somebody was here last is known to whom they chose.
func TestSeenBy(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, eve := w.register("Ann"), w.register("Bob"), w.register("Eve")
	room := w.create(ann, `{"name":"Room"}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	at := time.Now().UnixMilli() - 1000
	if err := w.store.PutSeen(t.Context(), []store.Seen{{User: ann.User.ID, At: at}}); err != nil {
		t.Fatal(err)
	}
	var chosen settings
	w.ok("GET", "/v1/settings", ann.Token, "", &chosen)
	if chosen != (settings{SeenBy: "everybody", Listed: true, InvitedBy: "everybody", DirectBy: "everybody"}) {
		t.Errorf("nothing was chosen: %+v", chosen)
	}
	client := directoryapi.NewClient(w.bus)
	for _, tt := range []struct {
		seenBy             string
		bob, eve, somebody bool
	}{{"everybody", true, true, true}, {"rooms", true, false, false}, {"nobody", false, false, false}, {"everybody", true, true, true}} {
		w.ok("PATCH", "/v1/settings", ann.Token, fmt.Sprintf(`{"seen_by":%q}`, tt.seenBy), &chosen)
		if chosen.SeenBy != tt.seenBy || !chosen.Listed {
			t.Errorf("chosen is %+v", chosen)
		}
		for asker, may := range map[string]bool{ann.User.ID: true, bob.User.ID: tt.bob, eve.User.ID: tt.eve, "": tt.somebody} {
			want := int64(0)
			if may {
				want = at
			}
			if got, err := client.Seen(t.Context(), asker, ann.User.ID); err != nil || got != want {
				t.Errorf("seen by %s: %q is told %d, want %d, %v", tt.seenBy, asker, got, want, err)
			}
		}
	}
	if code := w.code(ann, "PATCH", "/v1/settings", `{"seen_by":"friends"}`); code != "bad_request" {
		t.Errorf("a choice that there is not: %q", code)
	}
}

// TestUnlisted: who does not wish it is in no list of users, and found by nobody.
func TestUnlisted(t *testing.T) {
	for _, list := range []bool{true, false} {
		cfg := config()
		cfg.ListUsers = list
		w := openWorld(t, cfg)
		w.operator("Op")
		w.register("Ann")
		anna, eve := w.register("Anna"), w.register("Eve")
		w.keepHouse(t.Context())
		room := w.create(anna, `{"name":"Room"}`)
		w.bring(anna, room.ID, eve, directoryapi.RoleMember)
		w.ok("PATCH", "/v1/settings", anna.Token, `{"listed":false}`, nil)
		names := func(c credentials, path string) (all []string) {
			t.Helper()
			var out struct {
				Members []memberView
				Users   []account
			}
			w.ok("GET", path, c.Token, "", &out)
			for _, m := range out.Members {
				all = append(all, m.Name)
			}
			for _, u := range out.Users {
				all = append(all, u.Name)
			}
			slices.Sort(all)
			return all
		}
		type row struct {
			who       credentials
			path      string
			with, out []string // with a list of users, and without
		}
		for _, tt := range []row{
			{eve, "/v1/rooms/lobby/members", []string{"Ann", "Eve", "Op"}, []string{"Eve", "Op"}},
			{anna, "/v1/rooms/lobby/members", []string{"Ann", "Anna", "Eve", "Op"}, []string{"Anna", "Op"}},
			{eve, "/v1/users?q=an", []string{"Ann"}, nil},
			{eve, "/v1/users?q=ann", []string{"Ann"}, []string{"Ann"}},
			{eve, "/v1/users?q=anna", nil, nil},
			{anna, "/v1/users?q=ANNA", []string{"Anna"}, []string{"Anna"}},
			// a room of their own
			{eve, "/v1/rooms/" + room.ID + "/members", []string{"Anna", "Eve"}, []string{"Anna", "Eve"}},
		} {
			want := tt.with
			if !list {
				want = tt.out
			}
			if got := names(tt.who, tt.path); !slices.Equal(got, want) {
				t.Errorf("with a list of users %t, %s shows %s %q, want %q", list, tt.path, tt.who.User.Name, got, want)
			}
		}
	}
}
