package directory

import (
	"fmt"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// byChoice has, for each choice of a person, what becomes of others who add them to a room or begin
// a direct conversation: the code of the error, or none. The others are those of world.around.
var byChoice = map[string]map[string]string{
	"everybody": {"stranger": "", "friend": "", "guest": "", "guest in a public room": "", "guest in a private room": "", "operator": ""},
	"rooms":     {"stranger": "forbidden", "friend": "", "guest": "forbidden", "guest in a public room": "forbidden", "guest in a private room": "", "operator": ""},
	"nobody":    {"stranger": "forbidden", "friend": "forbidden", "guest": "forbidden", "guest in a public room": "forbidden", "guest in a private room": "forbidden", "operator": ""},
}

// TestInvitedBy adds somebody to rooms who has chosen who may: whoever may not is told so, also
// where the operator lets everybody.
func TestInvitedBy(t *testing.T) {
	for _, asks := range []bool{true, false} {
		for choice, want := range byChoice {
			cfg := strangers()
			cfg.Invitations = asks
			w := openWorld(t, cfg)
			ann := w.register("Ann")
			who := w.around(ann)
			w.ok("PATCH", "/v1/settings", ann.Token, fmt.Sprintf(`{"invited_by":%q}`, choice), nil)
			for name, c := range who {
				room := w.create(c, fmt.Sprintf(`{"name":"Of %s","private":true}`, c.User.ID[24:]))
				var added addedOutput
				_, code := w.call("POST", "/v1/rooms/"+room.ID+"/members", c.Token, with(ann), &added)
				if code != want[name] {
					t.Errorf("%s, asked first %v, by %s: %q, want %q", choice, asks, name, code, want[name])
				}
				_, in := w.listed(ann)[room.ID]
				if known := name == "friend" || name == "guest in a private room" || name == "operator"; code == "" && (added.Invited == known && asks || in != (known || !asks)) {
					t.Errorf("%s, asked first %v, by %s: invited %v, in %v", choice, asks, name, added.Invited, in)
				} else if code != "" && in {
					t.Errorf("%s, by %s: refused, and in", choice, name)
				}
			}
			if n := len(w.invitationsOf(ann)); choice != "everybody" && n != 0 {
				t.Errorf("%s: %d invitations", choice, n)
			}
		}
	}
}

// around returns people who know somebody more or less well.
func (w *world) around(ann credentials) map[string]credentials {
	w.t.Helper()
	who := map[string]credentials{
		"stranger": w.register("Sam"), "friend": w.register("Fred"), "operator": w.operator("Op"),
		"guest": w.comeIn("Gus"), "guest in a public room": w.comeIn("Gil"), "guest in a private room": w.comeIn("Gia"),
	}
	garden, council := w.create(ann, `{"name":"Garden"}`), w.create(ann, `{"name":"Council","private":true}`)
	for name, room := range map[string]roomView{"friend": garden, "guest in a public room": garden, "guest in a private room": council} {
		w.bring(ann, room.ID, who[name], directoryapi.RoleMember)
		w.call("POST", "/v1/invitations/"+room.ID+"/accept", who[name].Token, "", nil)
		if _, in := w.listed(who[name])[room.ID]; !in {
			w.t.Fatalf("the %s is not in the room", name)
		}
	}
	return who
}

// TestDirectBy begins direct messages with somebody who has chosen who may.
func TestDirectBy(t *testing.T) {
	for _, asks := range []bool{true, false} {
		for choice, want := range byChoice {
			cfg := strangers()
			cfg.Requests = asks
			w := openWorld(t, cfg)
			ann, old := w.register("Ann"), w.register("Old")
			who := w.around(ann)
			// Before it is chosen: one conversation that there is, and one that waits for an
			// answer.
			var talk, asked roomView
			w.ok("POST", "/v1/direct", ann.Token, with(old), &talk)
			w.call("POST", "/v1/direct", old.Token, with(ann), nil)
			eve := w.register("Eve")
			w.ok("POST", "/v1/direct", ann.Token, with(eve), &asked)
			w.ok("PATCH", "/v1/settings", ann.Token, fmt.Sprintf(`{"direct_by":%q}`, choice), nil)
			for name, c := range who {
				var room roomView
				_, code := w.call("POST", "/v1/direct", c.Token, with(ann), &room)
				if code != want[name] {
					t.Errorf("%s, asked first %v, by %s: %q, want %q", choice, asks, name, code, want[name])
				}
				known := name == "friend" || name == "guest in a private room" || name == "operator"
				if code == "" && (room.Request == "sent") != (asks && !known) {
					t.Errorf("%s, asked first %v, by %s: %+v", choice, asks, name, room)
				}
				if got := w.access(c, chat.DirectRoom(c.User.ID, ann.User.ID)); code != "" && (got.Send || got.Ask) {
					t.Errorf("%s, by %s: refused, and may do %+v", choice, name, got)
				}
			}
			// What there was goes on, and who is asked answers.
			if code := w.code(old, "POST", "/v1/direct", with(ann)); code != "" || !w.access(old, talk.ID).Send {
				t.Errorf("%s: a conversation that there was: %q", choice, code)
			}
			if code := w.code(eve, "POST", "/v1/direct", with(ann)); code != "" || !w.access(eve, asked.ID).Send {
				t.Errorf("%s: an answer: %q", choice, code)
			}
			// Ann writes to whomever she likes.
			if code := w.code(ann, "POST", "/v1/direct", with(who["stranger"])); code != "" {
				t.Errorf("%s: Ann writes: %q", choice, code)
			}
		}
	}
}

// TestChoicesAreKept: each is chosen for itself, and one that there is not is refused.
func TestChoicesAreKept(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	var got settings
	w.ok("GET", "/v1/settings", ann.Token, "", &got)
	if got != (settings{SeenBy: "everybody", Listed: true, InvitedBy: "everybody", DirectBy: "everybody"}) {
		t.Errorf("at first there is %+v", got)
	}
	w.ok("PATCH", "/v1/settings", ann.Token, `{"invited_by":"nobody"}`, nil)
	w.ok("PATCH", "/v1/settings", ann.Token, `{"direct_by":"rooms","listed":false}`, &got)
	if got != (settings{SeenBy: "everybody", InvitedBy: "nobody", DirectBy: "rooms"}) {
		t.Errorf("chosen is %+v", got)
	}
	for _, bad := range []string{`{}`, `{"invited_by":"friends"}`, `{"direct_by":""}`} {
		if code := w.code(ann, "PATCH", "/v1/settings", bad); code != chat.CodeBadRequest {
			t.Errorf("%s: %q", bad, code)
		}
	}
}
