package directory

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestStart: one answer has what the lists have that it stands for, for members, guests and who
// runs the server.
func TestStart(t *testing.T) {
	cfg := strangers()
	cfg.GuestMay = []string{"react"}
	w := openWorld(t, cfg)
	op, ann, eve, bob, gus := w.operator("Op"), w.register("Ann"), w.register("Eve"), w.register("Bob"), w.comeIn("Gus")
	w.create(op, `{"name":"Garden"}`)
	w.create(ann, `{"name":"Mine","private":true}`)
	room := w.create(eve, `{"name":"Buy my things","private":true}`)
	w.ok("POST", "/v1/rooms/"+room.ID+"/members", eve.Token, with(ann), nil)
	var direct roomView
	w.ok("POST", "/v1/direct", eve.Token, with(ann), &direct)
	if c := w.write(eve, direct.ID, "m1"); c != "" {
		t.Fatal(c)
	}
	w.ok("PUT", "/v1/blocks/"+bob.User.ID, ann.Token, `{"kind":"ignore"}`, nil)
	for name, c := range map[string]credentials{"a member": ann, "a guest": gus, "who runs the server": op} {
		t.Run(name, func(t *testing.T) {
			var start map[string]any
			w.ok("GET", "/v1/start", c.Token, "", &start)
			want := map[string]any{}
			for path, fields := range map[string][]string{
				"/v1/rooms": {"rooms"}, "/v1/requests": {"requests"}, "/v1/invitations": {"invitations"}, "/v1/blocks": {"blocks"}, "/v1/server": {"guest_may"},
			} {
				var list map[string]any
				w.ok("GET", path, c.Token, "", &list)
				for _, f := range fields {
					want[f] = list[f]
				}
			}
			var chosen any
			w.ok("GET", "/v1/preferences", c.Token, "", &chosen)
			want["preferences"] = chosen
			if name == "who runs the server" {
				want["role"] = "operator"
			}
			if d := cmp.Diff(want, start); d != "" {
				t.Errorf("the lists - the start +\n%s", d)
			}
			if name != "a member" {
				return
			}
			for _, list := range []string{"requests", "invitations", "blocks"} {
				if all, _ := start[list].([]any); len(all) != 1 {
					t.Errorf("%d %s", len(all), list)
				}
			}
			if b, err := json.Marshal(start["rooms"]); err != nil || len(b) < 100 {
				t.Errorf("rooms: %s, %v", b, err)
			}
		})
	}
}
