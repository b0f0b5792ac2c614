package protocol

import (
	"errors"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// TestReviewAfterTheDirectoryWasAway: who was removed while the directory could not say so does not
// stay in the room.
func TestReviewAfterTheDirectoryWasAway(t *testing.T) {
	for name, change := range map[string]func(r *rig){
		"the room has changed": func(r *rig) {
			r.permit("ann", "lobby", directory.Access{}, directory.Change{Kind: directory.ChangeRoom, Room: "lobby"})
		},
		"changes were lost": func(r *rig) {
			r.permit("ann", "lobby", directory.Access{}, directory.Change{Kind: directory.ChangeRoom, Room: "other"})
			r.server.Rewind(chat.ControlRoom, 0)
			r.settle()
		},
	} {
		t.Run(name, func(t *testing.T) {
			rigged(t, 2, func(r *rig) {
				ann, bob := r.login("ann"), r.login("bob")
				ann.enter("lobby")
				bob.enter("lobby")
				r.fail(directory.ServiceAccess, errors.New("the store is down"))
				change(r)
				r.pass(3 * time.Second)
				ann.quiet() // nobody is expelled because the directory is away
				r.fail(directory.ServiceAccess, nil)
				r.pass(2 * time.Second)
				if f := ann.want("notice", ""); f.Code != "left" || f.Room != "lobby" {
					t.Errorf("told %s", f.raw)
				}
				r.message("lobby", "m1")
				ann.quiet()
				bob.want("msg", "m1")
			})
		})
	}
}

// TestReviewOfManyRooms: a review of all rooms that the directory could not answer is done again of
// all of them, and one of a room of that room.
func TestReviewOfManyRooms(t *testing.T) {
	rooms := []string{"r1", "r2", "r3", "r4", "r5"}
	for name, change := range map[string]func(r *rig){
		"each room has changed": func(r *rig) {
			for _, room := range rooms {
				r.permit("ann", room, directory.Access{}, directory.Change{Kind: directory.ChangeRoom, Room: room})
			}
		},
		"changes were lost": func(r *rig) {
			for _, room := range rooms {
				r.permit("ann", room, directory.Access{}, directory.Change{Kind: directory.ChangeRoom, Room: "other"})
			}
			r.server.Rewind(chat.ControlRoom, 0)
			r.settle()
		},
	} {
		t.Run(name, func(t *testing.T) {
			rigged(t, 1, func(r *rig) {
				ann := r.login("ann")
				for _, room := range rooms {
					ann.enter(room)
				}
				r.fail(directory.ServiceAccess, errors.New("the store is down"))
				change(r)
				r.pass(3 * time.Second)
				ann.quiet()
				r.fail(directory.ServiceAccess, nil)
				r.pass(3 * time.Second)
				left := map[string]bool{}
				for _, f := range ann.all() {
					left[f.Room] = f.Code == "left"
				}
				if len(left) != len(rooms) || ann.s.rooms.Probe().Rooms(ann.slot) != 0 {
					t.Errorf("told that these were left: %v", left)
				}
			})
		})
	}
}

// TestExpelled: who may not read a room any more leaves it, and what he watches of it, on all
// sockets, at once.
func TestExpelled(t *testing.T) {
	rigged(t, 2, func(r *rig) {
		ann, again, bob := r.login("ann"), r.login("ann"), r.login("bob")
		for _, c := range []*client{ann, again, bob} {
			c.enter("lobby")
		}
		again.say(`{"type":"watch","id":"w","room":"lobby","on":true}`)
		again.want("ack", "w")
		r.permit("ann", "lobby", directory.Access{}, directory.Change{Kind: directory.ChangeAccess, User: "ann", Room: "lobby"})
		for _, c := range []*client{ann, again} {
			if f := c.want("notice", ""); f.Code != "left" || f.Room != "lobby" {
				t.Errorf("told %s", f.raw)
			}
			c.say(`{"type":"send","id":"s","room":"lobby","msg_id":"m0","text":"x"}`)
			c.refused("s", chat.CodeNotJoined)
			c.say(`{"type":"join","id":"j","room":"lobby"}`)
			c.refused("j", chat.CodeForbidden)
		}
		r.message("lobby", "m1")
		ann.quiet()
		again.quiet()
		bob.want("msg", "m1")
	})
}

// TestRevokedAtOnce: a session that is revoked in the very moment in which its token was made is
// closed, by itself or with all of its user.
func TestRevokedAtOnce(t *testing.T) {
	for _, session := range []string{"s-ann", ""} {
		rigged(t, 2, func(r *rig) {
			ann := r.login("ann")
			r.permit("x", "x", member, directory.Change{Kind: directory.ChangeUser, User: "ann", Session: session, At: time.Now().UnixMilli()})
			ann.all()
			if ann.code != int(wire.CloseRevoked) {
				t.Errorf("session %q: closed with %d", session, ann.code)
			}
		})
	}
}

// TestRevokedInTheSameSecond: who logged in again right after all log-ins of theirs were ended
// stays, also if the edge hears of that end after the hello.
func TestRevokedInTheSameSecond(t *testing.T) {
	for ms, code := range map[int64]int{-400: 0, -1: 0, 0: int(wire.CloseRevoked), 1: int(wire.CloseRevoked), 400: int(wire.CloseRevoked)} {
		rigged(t, 1, func(r *rig) {
			time.Sleep(500 * time.Millisecond)
			ann := r.login("ann")
			at := time.Now().UnixMilli() + ms
			r.permit("x", "x", member, directory.Change{Kind: directory.ChangeUser, User: "ann", At: at})
			if ann.all(); ann.code != code {
				t.Errorf("revoked %d ms after the token was made: closed with %d", ms, ann.code)
			}
		})
	}
}

// TestRevoked: a session that was revoked is closed, and the user's others are not.
func TestRevoked(t *testing.T) {
	rigged(t, 2, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		time.Sleep(2 * time.Second)
		at := time.Now().UnixMilli()
		r.permit("x", "x", member, directory.Change{Kind: directory.ChangeUser, User: "ann", Session: "another", At: at})
		ann.quiet()
		r.permit("x", "x", member, directory.Change{Kind: directory.ChangeUser, User: "ann", Session: "s-ann", At: at})
		ann.all()
		if ann.code != int(wire.CloseRevoked) {
			t.Errorf("closed with %d", ann.code)
		}
		bob.quiet()
	})
}
