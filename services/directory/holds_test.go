package directory

import (
	"strings"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/export"
)

// TestHolds: an operator holds a room or a person, reads what was kept, and lifts the hold; the
// audit log knows of each.
func TestHolds(t *testing.T) {
	w := openWorld(t, config())
	w.historian()
	ann, op := w.register("Ann"), w.operator("Op")
	var room roomView
	w.ok("POST", "/v1/rooms", ann.Token, `{"name":"Tea"}`, &room)
	for body, code := range map[string]string{
		`{"reason":"case 1"}`: "bad_request", `{"room":"` + room.ID + `","user":"Ann","reason":"case 1"}`: "bad_request", `{"user":"Ann","reason":" "}`: "bad_request",
		`{"user":"Nobody","reason":"case 1"}`: "not_found", `{"room":"none","reason":"case 1"}`: "not_found",
	} {
		if c := w.code(op, "POST", "/v1/server/holds", body); c != code {
			t.Errorf("%s: %q", body, c)
		}
	}
	if c := w.code(ann, "POST", "/v1/server/holds", `{"room":"`+room.ID+`","reason":"case 1"}`); c != "forbidden" {
		t.Errorf("somebody's hold: %q", c)
	}
	var one, other holdView
	w.ok("POST", "/v1/server/holds", op.Token, `{"room":"`+room.ID+`","reason":"case 1"}`, &one)
	w.ok("POST", "/v1/server/holds", op.Token, `{"user":"ann","reason":"case 2"}`, &other)
	if one.Called != "Tea" || other.User != ann.User.ID || other.Called != "Ann" || other.ByName != "Op" || other.Created == 0 {
		t.Errorf("holds are %+v and %+v", one, other)
	}
	var all holdsOutput
	w.ok("GET", "/v1/server/holds", op.Token, "", &all)
	if len(all.Holds) != 2 || all.Holds[0] != one || all.Holds[1] != other {
		t.Errorf("listed are %+v", all)
	}
	header, copied := w.text(op, "/v1/server/holds/"+one.ID+"/export")
	sum, err := export.Verify(strings.NewReader(copied), nil)
	if err != nil || sum.Lines[export.KindHeld] != 1 || sum.Head.Hold == nil || sum.Head.Hold.Reason != "case 1" || sum.Head.Room.Name != "Tea" ||
		!strings.Contains(copied, "said and deleted") || !strings.HasPrefix(header.Get("Content-Type"), "application/x-ndjson") {
		t.Errorf("the copy %s: %+v, %v", copied, sum, err)
	}
	client := directoryapi.NewClient(w.bus)
	ask := func(r directoryapi.AdminRequest) (lines int, code string) {
		r.By = "ann@host"
		for {
			reply, err := client.Admin(t.Context(), r)
			if err != nil {
				return lines, chat.CodeOf(err)
			}
			lines += len(reply.Lines)
			if r.After = reply.Next; r.After == "" {
				return lines, ""
			}
		}
	}
	for _, tt := range []struct {
		r     directoryapi.AdminRequest
		lines int
		code  string
	}{
		{directoryapi.AdminRequest{Do: "export", Hold: other.ID}, 3, ""},
		{directoryapi.AdminRequest{Do: "export", Hold: "none"}, 0, "not_found"},
		{directoryapi.AdminRequest{Do: "hold", User: "Ann", Note: "case 3"}, 1, ""},
		{directoryapi.AdminRequest{Do: "holds"}, 3, ""},
		{directoryapi.AdminRequest{Do: "lift", User: other.ID}, 0, ""},
		{directoryapi.AdminRequest{Do: "lift", User: other.ID}, 0, "not_found"},
	} {
		if lines, code := ask(tt.r); lines != tt.lines || code != tt.code {
			t.Errorf("%+v: %d lines, %q", tt.r, lines, code)
		}
	}
	w.ok("DELETE", "/v1/server/holds/"+one.ID, op.Token, "", nil)
	if c := w.code(op, "GET", "/v1/server/holds/"+one.ID+"/export", ""); c != "not_found" {
		t.Errorf("a copy of what is lifted: %q", c)
	}
	var acts actsOutput
	w.ok("GET", "/v1/audit", op.Token, "", &acts)
	counts := map[string]int{}
	for _, a := range acts.Acts {
		counts[a.Action+" "+a.Outcome]++
	}
	if counts["server.hold done"] != 3 || counts["server.hold.lift done"] != 2 || counts["server.hold.export done"] != 4 {
		t.Errorf("the audit log has %v", counts)
	}
}
