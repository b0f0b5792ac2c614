package directory

import (
	"fmt"
	"sync"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestOwnersLeaveAtOnce: two owners pass the check that there is another one before either has
// left. The room is never left without one: the moderator is next, and a member who has just left,
// too, is not brought back for it.
func TestOwnersLeaveAtOnce(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, cyd, dan := w.register("Ann"), w.register("Bob"), w.register("Cyd"), w.register("Dan")
	for _, tt := range []struct {
		name  string
		leave func(room string, u credentials) error
	}{
		{"leave", func(room string, u credentials) error {
			return w.membership.deleteMember(t.Context(), room, store.Member{User: u.User.ID, Name: u.User.Name}, u.User.ID)
		}},
		{"step down", func(room string, u credentials) error {
			return w.membership.setRole(t.Context(), room, u.User.ID, u.User.Name, u.User.ID, directoryapi.RoleMember)
		}},
	} {
		room := w.create(ann, fmt.Sprintf(`{"name":"Ours, until they %s"}`, tt.name))
		w.bring(ann, room.ID, dan, directoryapi.RoleMember)
		w.bring(ann, room.ID, cyd, directoryapi.RoleModerator)
		w.bring(ann, room.ID, bob, directoryapi.RoleOwner)
		for _, u := range []credentials{ann, bob} {
			if err := w.membership.checkOtherOwner(t.Context(), room.ID, u.User.ID); err != nil {
				t.Fatal(err)
			}
		}
		var wait sync.WaitGroup
		for _, u := range []credentials{ann, bob} {
			wait.Go(func() {
				if err := tt.leave(room.ID, u); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if r := w.listed(cyd)[room.ID]; r.Role != directoryapi.RoleOwner {
			t.Errorf("%s: the moderator is %+v", tt.name, r)
		}
		if e := w.last(chat.UserRoom(cyd.User.ID)); e.Target != room.ID || e.Role != "owner" {
			t.Errorf("%s: the new owner was told %+v", tt.name, e)
		}
	}
}

// TestLastTwoLeaveAtOnce leaves no room that nobody is in.
func TestLastTwoLeaveAtOnce(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Ours"}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleOwner)
	w.ok("PUT", "/v1/rooms/"+room.ID+"/bans/"+w.register("Eve").User.ID, ann.Token, `{}`, nil)
	var wait sync.WaitGroup
	for _, u := range []credentials{ann, bob} {
		wait.Go(func() {
			if err := w.membership.deleteMember(t.Context(), room.ID, store.Member{User: u.User.ID, Name: u.User.Name}, u.User.ID); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if c := w.code(ann, "GET", "/v1/rooms/"+room.ID, ""); c != "forbidden" {
		t.Errorf("the room is still there: %q", c)
	}
	if bans, err := w.store.Bans(t.Context(), room.ID, "", 10); err != nil || len(bans) != 0 {
		t.Errorf("its bans are %+v, %v", bans, err)
	}
}

// TestPromotedWhileLeaving does not bring back who has left.
func TestPromotedWhileLeaving(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Ours"}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	w.store.set(func(method string) error {
		if method == "SetRole before" {
			return w.store.Store.DeleteMember(t.Context(), room.ID, bob.User.ID)
		}
		return nil
	})
	if c := w.code(ann, "POST", "/v1/rooms/"+room.ID+"/members", `{"user":"`+bob.User.ID+`","role":"moderator"}`); c != "conflict" {
		t.Errorf("code is %q", c)
	}
	if members, err := w.store.Members(t.Context(), room.ID, "", 10); err != nil || len(members) != 1 {
		t.Errorf("members are %+v, %v", members, err)
	}
	if left, err := w.store.IntentsBefore(t.Context(), 1<<60, 10); err != nil || len(left) != 0 {
		t.Errorf("left to tell: %+v, %v", left, err)
	}
}
