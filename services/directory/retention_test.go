package directory

import (
	"context"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/retention"
	"hubbub.internal/services/directory/store"
)

// TestRetentionOfRooms: an owner says how long messages of a room are kept, everybody in it sees
// it, and history is told.
func TestRetentionOfRooms(t *testing.T) {
	w := openWorld(t, config())
	h := w.historian()
	ann, bob, eve := w.register("Ann"), w.register("Bob"), w.operator("Eve")
	var room roomView
	w.ok("POST", "/v1/rooms", ann.Token, `{"name":"Tea"}`, &room)
	id := room.ID
	path := "/v1/rooms/" + id
	w.ok("POST", path+"/members", ann.Token, `{"user":"`+bob.User.ID+`","role":"moderator"}`, nil)
	if room.Kept != nil {
		t.Errorf("at first messages are kept as %+v", room.Kept)
	}
	told := len(w.events(id))
	w.ok("PATCH", path, ann.Token, `{"keep":"2 weeks"}`, &room)
	if want := (keptView{Days: 14, Rule: "14 days"}); room.Kept == nil || *room.Kept != want {
		t.Errorf("the answer says %+v", room.Kept)
	}
	w.ok("PATCH", path, ann.Token, `{"keep":"14d"}`, nil) // as it is
	events := w.events(id)[told:]
	if len(events) != 1 || events[0].Act != chat.ActRetention || events[0].Text != "14 days" || events[0].User != ann.User.ID {
		t.Errorf("the room is told %+v", events)
	}
	if v := w.listed(bob)[id]; v.Kept == nil || v.Kept.Days != 14 {
		t.Errorf("a member sees %+v", v.Kept)
	}
	if got, err := directoryapi.NewClient(w.bus).Retention(t.Context(), []string{id, "lobby", "none"}); err != nil || len(got) != 1 || got[id] != (retention.Effect{Days: 14}) {
		t.Errorf("history is told %+v, %v", got, err)
	}
	for body, code := range map[string]string{
		`{"keep":"1969-12-31"}`: "bad_request", `{"keep":"99999999 years"}`: "bad_request", `{"keep":"3 fortnights"}`: "bad_request", `{"keep":"0 messages"}`: "bad_request",
		`{"keep":"` + strings.Repeat("9", 65) + `"}`: "bad_request",
	} {
		if c := w.code(ann, "PATCH", path, body); c != code {
			t.Errorf("%s: %q", body, c)
		}
	}
	if c := w.code(bob, "PATCH", path, `{"keep":"forever"}`); c != "forbidden" {
		t.Errorf("a moderator's rule: %q", c)
	}

	// The server's bounds come before what rooms say.
	for body, code := range map[string]string{
		`{"least":"5 messages"}`: "bad_request", `{"least":"3 days","most":"2 days"}`: "bad_request", `{"keep":"1 day","least":"2 days"}`: "bad_request",
	} {
		if c := w.code(eve, "PATCH", "/v1/server/retention", body); c != code {
			t.Errorf("%s: %q", body, c)
		}
	}
	var server retentionView
	w.ok("PATCH", "/v1/server/retention", eve.Token, `{"keep":"60 days","least":"30 days","most":"1 year"}`, &server)
	if want := (retentionView{Keep: "60 days", Least: "30 days", Most: "365 days"}); server != want {
		t.Errorf("the server's rule is %+v", server)
	}
	w.ok("GET", "/v1/server/retention", eve.Token, "", &server)
	room = roomView{}
	w.ok("GET", path, bob.Token, "", &room)
	if room.Kept.Days != 30 || room.Kept.Rule != "14 days" {
		t.Errorf("within the bounds: %+v", room.Kept)
	}
	for _, body := range []string{`{"keep":"29 days"}`, `{"keep":"forever"}`, `{"keep":"366 days"}`} {
		if c := w.code(ann, "PATCH", path, body); c != "bad_request" {
			t.Errorf("%s: %q", body, c)
		}
	}
	room = roomView{}
	w.ok("PATCH", path, ann.Token, `{"keep":"100 messages"}`, &room)
	if want := (keptView{Days: 365, Count: 100, Least: 30, Rule: "100 messages"}); *room.Kept != want {
		t.Errorf("a number within the bounds: %+v", room.Kept)
	}
	room = roomView{}
	w.ok("PATCH", path, ann.Token, `{"keep":""}`, &room)
	if want := (keptView{Days: 60}); *room.Kept != want {
		t.Errorf("as the server has it: %+v", room.Kept)
	}
	if h.mu.Lock(); h.sweeps != 4 {
		t.Errorf("history was told %d times", h.sweeps)
	}
	h.mu.Unlock()

	// The console does the same, and history says what it has removed.
	ask := func(r directoryapi.AdminRequest) string {
		r.Do, r.By = directoryapi.AdminRetention, "ann@host"
		reply, err := directoryapi.NewClient(w.bus).Admin(t.Context(), r)
		if err != nil {
			return chat.CodeOf(err)
		}
		return string(reply.Lines[0])
	}
	if got := ask(directoryapi.AdminRequest{}); got != `{"keep":"60 days","least":"30 days","most":"365 days"}` {
		t.Errorf("the console shows %s", got)
	}
	rule := func(keep string) directoryapi.AdminRules { return directoryapi.AdminRules{Keep: &keep} }
	in := directoryapi.AdminFilter{Room: id}
	if got := ask(directoryapi.AdminRequest{Filter: in, Retention: rule("90 days")}); got != `{"days":90,"rule":"90 days"}` {
		t.Errorf("the console's rule for the room: %s", got)
	}
	if got := ask(directoryapi.AdminRequest{Filter: in, Retention: directoryapi.AdminRules{Least: new("1 day")}}); got != "bad_request" {
		t.Errorf("a bound of a room: %s", got)
	}
	if got := ask(directoryapi.AdminRequest{Filter: directoryapi.AdminFilter{Room: "none"}}); got != "not_found" {
		t.Errorf("no room: %s", got)
	}
	if err := directoryapi.NewClient(w.bus).Removed(t.Context(), directoryapi.RemovedRequest{Room: id, Rule: "90 days", Messages: 3, Through: 7}); err != nil {
		t.Fatal(err)
	}
	var acts actsOutput
	w.ok("GET", "/v1/audit?room="+id+"&action=room.retention", eve.Token, "", &acts)
	if len(acts.Acts) != 1 || acts.Acts[0].Detail != "3 messages through 7: 90 days" || acts.Acts[0].ActorName != "retention" {
		t.Errorf("the audit log has %+v", acts.Acts)
	}
	w.ok("GET", "/v1/audit?action=server.retention", eve.Token, "", &acts)
	if len(acts.Acts) != 1 || acts.Acts[0].Detail != `keep "60 days", at least "30 days", at most "365 days"` {
		t.Errorf("the audit log has %+v", acts.Acts)
	}
}

// TestResetOfARoom: a moderator who names the room empties it, which the log and the audit log say
// once.
func TestResetOfARoom(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, op := w.register("Ann"), w.register("Bob"), w.operator("Op")
	var room roomView
	w.ok("POST", "/v1/rooms", ann.Token, `{"name":"Tea"}`, &room)
	path := "/v1/rooms/" + room.ID
	w.ok("POST", path+"/members", ann.Token, `{"user":"`+bob.User.ID+`"}`, nil)
	for _, tt := range []struct {
		who        credentials
		body, code string
	}{{bob, `{"name":"Tea"}`, "forbidden"}, {ann, `{"name":"Coffee"}`, "bad_request"}, {ann, `{"name":""}`, "bad_request"}} {
		if c := w.code(tt.who, "POST", path+"/reset", tt.body); c != tt.code {
			t.Errorf("%s: %q", tt.body, c)
		}
	}
	w.ok("POST", path+"/members", ann.Token, `{"user":"`+bob.User.ID+`","role":"moderator"}`, nil)
	told := len(w.events(room.ID))
	w.ok("POST", path+"/reset", bob.Token, `{"name":" Tea "}`, nil)
	events := w.events(room.ID)[told:]
	if len(events) != 2 || events[0].Type != chat.TypeReset || events[0].User != bob.User.ID || events[1].Act != chat.ActReset || events[1].Name != "Bob" {
		t.Errorf("the room is told %+v", events)
	}
	var acts actsOutput
	w.ok("GET", "/v1/audit?action=room.reset", op.Token, "", &acts)
	if len(acts.Acts) != 1 || acts.Acts[0].Room != room.ID || acts.Acts[0].Actor != bob.User.ID || acts.Acts[0].Outcome != "done" {
		t.Errorf("the audit log has %+v", acts.Acts)
	}
	if m := w.listed(bob)[room.ID]; m.Role != directoryapi.RoleModerator {
		t.Errorf("a member is %q after the reset", m.Role)
	}
}

// TestResetIsToldOnce: a reset that a crash has left untold is told, later than the bus would know
// it, only if the record does not have it; while that cannot be asked, it waits.
func TestResetIsToldOnce(t *testing.T) {
	isOther, away := chat.E(chat.CodeConflict, "that is a reset"), chat.Unavailable("history is away", time.Second)
	for _, tt := range []struct {
		name       string
		reset, why error // what history answers of the two entries
		told       int
		left       int
	}{
		{"it is not there", nil, nil, 2, 0},
		{"it is there", isOther, isOther, 0, 0},
		{"it is there, and not who did it", isOther, nil, 1, 0},
		{"history is away", away, away, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := openWorld(t, config())
			ann := w.register("Ann")
			room := w.create(ann, `{"name":"Tea"}`)
			told := len(w.events(room.ID))
			i := store.Intent{ID: chat.NewID(), Kind: kindResetRoom, Room: room.ID, Actor: ann.User.ID, Created: 1}
			if err := w.store.PutIntent(t.Context(), i); err != nil {
				t.Fatal(err)
			}
			stop, err := api.Handle(t.Context(), w.bus, historyapi.ServiceSent, nil, func(_ context.Context, r historyapi.SentRequest) (historyapi.Sent, error) {
				switch r {
				case historyapi.SentRequest{Room: room.ID, User: sender, ID: i.ID}:
					return historyapi.Sent{}, tt.reset
				case historyapi.SentRequest{Room: room.ID, User: sender, ID: i.ID + "-why"}:
					return historyapi.Sent{}, tt.why
				}
				t.Errorf("asked for %+v", r)
				return historyapi.Sent{}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			defer stop.Stop()
			if err := w.changes.tellUntold(t.Context()); (err != nil) != (tt.left > 0) {
				t.Error(err)
			}
			if events := w.events(room.ID)[told:]; len(events) != tt.told {
				t.Errorf("the room is told %+v", events)
			}
			left, err := w.store.IntentsBefore(t.Context(), 2, 10)
			if err != nil || len(left) != tt.left {
				t.Errorf("untold are %+v, %v", left, err)
			}
		})
	}
}
