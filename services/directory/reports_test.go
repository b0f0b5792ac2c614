package directory

import (
	"fmt"
	"strings"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestReports: a message is reported once by each, with its text as evidence, and those who look
// after the room take and resolve the report, or operators do.
func TestReports(t *testing.T) {
	w := openWorld(t, config())
	h := w.historian()
	op, ann, bob, eve, zed := w.operator("Op"), w.register("Ann"), w.register("Bob"), w.register("Eve"), w.register("Zed")
	room := w.create(ann, `{"name":"Open"}`)
	path := "/v1/rooms/" + room.ID + "/reports"
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	w.bring(ann, room.ID, eve, directoryapi.RoleModerator)
	h.author = eve.User.ID
	h.texts["m1"] = strings.Repeat("ü", 3000)
	body := func(message, reason, text string) string {
		return fmt.Sprintf(`{"author":%q,"message":%q,"reason":%q,"text":%q}`, eve.User.ID, message, reason, text)
	}
	for _, tt := range []struct {
		who        credentials
		body, code string
	}{
		{bob, body("m1", "because", ""), "bad_request"},
		{bob, body("m 1", "spam", ""), "bad_request"},
		{bob, body("m1", "spam", strings.Repeat("x", 513)), "bad_request"},
		{eve, body("m1", "spam", ""), "bad_request"},
		{bob, body("none", "spam", ""), "not_found"},
		{bob, body("m1", "abuse", "again and again"), ""},
		{bob, body("m1", "spam", ""), "conflict"},
		{zed, body("m1", "spam", ""), ""},
		{bob, body("m2", "other", ""), ""},
	} {
		if c := w.code(tt.who, "POST", path, tt.body); c != tt.code {
			t.Errorf("%s: code is %q, want %q", tt.body, c, tt.code)
		}
	}
	if e := w.last(chat.UserRoom(ann.User.ID)); e.Act != chat.ActReport || e.Target != room.ID || e.Text != "" {
		t.Errorf("the owner was told %+v", e)
	}
	list := func(who credentials, path string) []reportView {
		var out reportsOutput
		w.ok("GET", path, who.Token, "", &out)
		return out.Reports
	}
	all := list(ann, path)
	if len(all) != 3 || all[0].ReporterName != "Bob" || all[0].AuthorName != "Eve" || all[0].Reason != "abuse" || all[0].Words != "again and again" || all[0].State != store.ReportOpen {
		t.Fatalf("reports are %+v", all)
	}
	if text := all[0].Text; text != strings.Repeat("ü", maxEvidence/2) {
		t.Errorf("the evidence is %d bytes: %.20s", len(text), text)
	}
	if mine := list(eve, path); len(mine) != 0 {
		t.Errorf("who is reported sees %+v", mine)
	}
	if n := len(list(op, "/v1/reports")); n != 3 {
		t.Errorf("the operator sees %d", n)
	}
	one, two, three := "/v1/reports/"+all[0].ID, "/v1/reports/"+all[1].ID, "/v1/reports/"+all[2].ID
	for _, tt := range []struct {
		name       string
		who        credentials
		path, body string
		code       string
	}{
		{"a member takes", bob, one + "/take", "", "not_found"},
		{"who is reported takes", eve, one + "/take", "", "not_found"},
		{"none is taken", ann, "/v1/reports/none/take", "", "not_found"},
		{"the owner takes", ann, one + "/take", "", ""},
		{"again", ann, one + "/take", "", ""},
		{"the operator takes it, too", op, one + "/take", "", "conflict"},
		{"nothing comes of it", ann, one + "/resolve", `{"outcome":"nothing"}`, "bad_request"},
		{"a note of two lines", ann, one + "/resolve", `{"outcome":"dismiss","note":"a\nb"}`, "bad_request"},
		{"a member resolves", bob, one + "/resolve", `{"outcome":"dismiss"}`, "not_found"},
		{"the message is deleted", ann, one + "/resolve", `{"outcome":"delete","note":"rude"}`, ""},
		{"again", ann, one + "/resolve", `{"outcome":"dismiss"}`, "conflict"},
		{"the author is muted", ann, two + "/resolve", `{"outcome":"mute","minutes":60,"note":"spam"}`, ""},
		{"the author is banned by an operator", op, three + "/resolve", `{"outcome":"ban"}`, ""},
	} {
		if c := w.code(tt.who, "POST", tt.path, tt.body); c != tt.code {
			t.Errorf("%s: code is %q, want %q", tt.name, c, tt.code)
		}
	}
	if len(h.gone) != 1 || h.gone[0].Target != "m1" || h.gone[0].Author != eve.User.ID || h.gone[0].User != ann.User.ID {
		t.Errorf("deleted are %+v", h.gone)
	}
	if m, err := w.store.Mute(t.Context(), room.ID, eve.User.ID); err != nil || m.Reason != "spam" || m.Until == chat.Forever {
		t.Errorf("muted: %+v, %v", m, err)
	}
	if out, err := w.rights.banned(t.Context(), wholeServer, eve.User.ID); err != nil || !out {
		t.Errorf("banned from the server: %v, %v", out, err)
	}
	if left := list(ann, path); len(left) != 0 {
		t.Errorf("left are %+v", left)
	}
	done := list(ann, path+"?resolved=true")
	if len(done) != 3 || done[0].Outcome != "delete" || done[0].Note != "rude" || done[0].TakerName != "Ann" || done[0].Resolved == 0 || done[0].Text == "" {
		t.Errorf("resolved are %+v", done)
	}
	if e := w.last(chat.UserRoom(bob.User.ID)); e.Act != chat.ActResolved || e.Target != room.ID || e.User != bob.User.ID {
		t.Errorf("the reporter was told %+v", e)
	}
	if a := w.audited(op, "action=report.resolve"); len(a) != 4 || a[1].Detail != "delete: rude" || a[1].Subject != eve.User.ID {
		t.Errorf("written down is %+v", a)
	}
}

// TestReportsOfTheServer: operators read what a report is about, which is written down, see the
// newest first, and remove all messages of who wrote it.
func TestReportsOfTheServer(t *testing.T) {
	w := openWorld(t, config())
	h := w.historian()
	op, aud, ann, bob, eve := w.operator("Op"), w.register("Audrey"), w.register("Ann"), w.register("Bob"), w.register("Eve")
	w.ok("PUT", "/v1/server/users/"+aud.User.ID+"/role", op.Token, `{"role":"auditor"}`, nil)
	h.author = eve.User.ID
	room := w.create(ann, `{"name":"Closed","private":true}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	for _, m := range []string{"m1", "m2", "none"} {
		path := "/v1/rooms/" + room.ID + "/reports"
		want := map[string]string{"none": "not_found"}[m]
		if c := w.code(bob, "POST", path, fmt.Sprintf(`{"author":%q,"message":%q,"reason":"spam"}`, eve.User.ID, m)); c != want {
			t.Errorf("%s is reported: %q", m, c)
		}
	}
	var out reportsOutput
	w.ok("GET", "/v1/reports?newest=true", op.Token, "", &out)
	if len(out.Reports) != 2 || out.Reports[0].Message != "m2" || out.Reports[0].RoomName != "Closed" || out.Reports[0].Direct {
		t.Fatalf("reports are %+v", out.Reports)
	}
	newest, oldest := out.Reports[0].ID, out.Reports[1].ID
	w.ok("GET", "/v1/reports?newest=true&after="+newest, op.Token, "", &out)
	if len(out.Reports) != 1 || out.Reports[0].ID != oldest {
		t.Errorf("after the newest are %+v", out.Reports)
	}
	path := "/v1/reports/" + newest
	for who, code := range map[*credentials]string{&op: "", &ann: "", &bob: "not_found", &eve: "not_found", &aud: "not_found"} {
		if c := w.code(*who, "GET", path+"/context", ""); c != code {
			t.Errorf("%s reads the context: %q, want %q", who.User.Name, c, code)
		}
	}
	var around contextOutput
	w.ok("GET", path+"/context", op.Token, "", &around)
	if m := around.Messages; len(m) != 2 || m[0].Text != "not this" || m[0].Reported || m[1].Text != "said" || !m[1].Reported || m[1].Name != "Eve" {
		t.Errorf("the context is %+v", m)
	}
	if a := w.audited(op, "action=report.context"); len(a) != 2 || a[0].Actor != op.User.ID || a[0].Room != room.ID || a[0].Subject != eve.User.ID {
		t.Errorf("written down is %+v", a)
	}
	if c := w.code(op, "POST", path+"/resolve", `{"outcome":"purge"}`); c != "bad_request" {
		t.Errorf("a purge of no time: %q", c)
	}
	w.ok("POST", path+"/resolve", op.Token, `{"outcome":"purge","span":"day","note":"spam"}`, nil)
	if p := h.purge(t); p.User != eve.User.ID || p.Room != "" || p.After == 0 {
		t.Errorf("purged is %+v", p)
	}
	w.ok("GET", "/v1/reports?resolved=true", op.Token, "", &out)
	if len(out.Reports) != 1 || out.Reports[0].Outcome != "purge" || out.Reports[0].TakerName != "Op" || out.Reports[0].Note != "spam" {
		t.Errorf("resolved are %+v", out.Reports)
	}
}

// TestReportsAreBounded: nobody fills the queue.
func TestReportsAreBounded(t *testing.T) {
	w := openWorld(t, config())
	w.historian()
	ann := w.register("Ann")
	for i := range maxOpenReports {
		r := store.Report{ID: chat.NewID(), Room: "lobby", Author: "u1", Message: fmt.Sprint("m", i), Reporter: ann.User.ID, State: store.ReportOpen}
		if err := w.store.PutReport(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if c := w.code(ann, "POST", "/v1/rooms/lobby/reports", `{"author":"u1","message":"m","reason":"spam"}`); c != "too_many" {
		t.Errorf("one more: %q", c)
	}
}

// TestOwnReport: who looks after a room and reports a message, or is reported, is not told of that,
// and the others are.
func TestOwnReport(t *testing.T) {
	w := openWorld(t, config())
	h := w.historian()
	ann, bob, eve := w.register("Ann"), w.register("Bob"), w.register("Eve")
	room := w.create(ann, `{"name":"Open"}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleModerator)
	w.bring(ann, room.ID, eve, directoryapi.RoleMember)
	h.author, h.texts["m1"] = eve.User.ID, "spam"
	before := len(w.events(chat.UserRoom(bob.User.ID)))
	w.ok("POST", "/v1/rooms/"+room.ID+"/reports", bob.Token, fmt.Sprintf(`{"author":%q,"message":"m1","reason":"spam"}`, eve.User.ID), nil)
	if got := w.events(chat.UserRoom(bob.User.ID)); len(got) != before {
		t.Errorf("the reporter is told %+v", got[before:])
	}
	if e := w.last(chat.UserRoom(ann.User.ID)); e.Act != chat.ActReport {
		t.Errorf("the owner is told %+v", e)
	}
	// Nor is who is reported.
	zed := w.register("Zed")
	w.bring(ann, room.ID, zed, directoryapi.RoleMember)
	h.author, h.texts["m2"] = bob.User.ID, "spam"
	before = len(w.events(chat.UserRoom(bob.User.ID)))
	told := len(w.events(chat.UserRoom(ann.User.ID)))
	w.ok("POST", "/v1/rooms/"+room.ID+"/reports", zed.Token, fmt.Sprintf(`{"author":%q,"message":"m2","reason":"spam"}`, bob.User.ID), nil)
	if got := w.events(chat.UserRoom(bob.User.ID)); len(got) != before {
		t.Errorf("who is reported is told %+v", got[before:])
	}
	if got := w.events(chat.UserRoom(ann.User.ID)); len(got) != told+1 {
		t.Errorf("of a report about a moderator the owner is told %+v", got[told:])
	}
}
