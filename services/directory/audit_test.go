package directory

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// audited returns what a filter finds in the audit log, the oldest first, without ids and times.
func (w *world) audited(by credentials, filter string) (all []actView) {
	w.t.Helper()
	var out actsOutput
	w.ok("GET", "/v1/audit?limit=200&"+filter, by.Token, "", &out)
	for _, a := range out.Acts {
		if a.At == 0 || a.At != store.ActTime(a.ID) {
			w.t.Errorf("the time of %+v", a)
		}
		a.ID, a.At = "", 0
		all = append([]actView{a}, all...)
	}
	return all
}

// lastAudited returns the newest act but for that the log was read.
func (w *world) lastAudited(by credentials) actView {
	w.t.Helper()
	all := w.audited(by, "")
	return all[len(all)-1]
}

// operated returns a world with an operator.
func operated(t *testing.T) (*world, credentials) {
	t.Helper()
	cfg := config()
	w := openWorld(t, cfg)
	return w, w.operator("Ann")
}

// TestAudit has each kind of change made, and finds it in the log with who made it, of whom, where
// and from where.
func TestAudit(t *testing.T) {
	w, ann := operated(t)
	bob, eve := w.register("Bob"), w.register("Eve")
	room := w.create(bob, `{"name":"Garden"}`)
	path := "/v1/rooms/" + room.ID
	by := func(c credentials, action string, subject *credentials, room, detail string) actView {
		a := actView{
			Action: action, Actor: c.User.ID, ActorName: c.User.Name, Room: room, Address: "198.51.100.7", Detail: detail, Outcome: store.OutcomeDone,
		}
		if subject != nil {
			a.Subject, a.SubjectName = subject.User.ID, subject.User.Name
		}
		return a
	}
	want := []actView{
		by(ann, "account.create", &ann, "", ""), by(bob, "account.create", &bob, "", ""), by(eve, "account.create", &eve, "", ""),
		by(bob, "room.create", nil, room.ID, "Garden"),
	}
	for _, tt := range []struct {
		who                credentials
		method, path, body string
		want               actView // with no Action: nothing is to say of it
	}{
		{bob, "PATCH", path, `{"name":"Yard","topic":"What grows","private":true}`, by(bob, "room.change", nil, room.ID, `name "Yard", topic "What grows", private true`)},
		{bob, "PATCH", path, `{"slow":30,"announce":"react"}`, by(bob, "room.change", nil, room.ID, `slow 30, announce "react"`)},
		{bob, "PUT", path + "/mutes/" + eve.User.ID, `{"minutes":90,"reason":"spam"}`, by(bob, "room.mute", &eve, room.ID, "for 1h30m0s: spam")},
		{bob, "DELETE", path + "/mutes/" + eve.User.ID, "", by(bob, "room.unmute", &eve, room.ID, "")},
		{bob, "DELETE", path + "/mutes/" + eve.User.ID, "", actView{}},
		{ann, "PUT", "/v1/mutes/" + eve.User.ID, `{}`, by(ann, "server.mute", &eve, "", "until it is lifted")},
		{ann, "DELETE", "/v1/mutes/" + eve.User.ID, "", by(ann, "server.unmute", &eve, "", "")},
		{bob, "POST", path + "/members", `{"user":"` + eve.User.ID + `"}`, by(bob, "member.add", &eve, room.ID, "member")},
		// who is one already
		{bob, "POST", path + "/members", `{"user":"` + eve.User.ID + `"}`, actView{}},
		{bob, "POST", path + "/members", `{"user":"` + eve.User.ID + `","role":"moderator"}`, by(bob, "member.role", &eve, room.ID, "moderator")},
		// refused
		{eve, "POST", path + "/members", `{"user":"` + eve.User.ID + `","role":"owner"}`, actView{}},
		{bob, "DELETE", path + "/members/" + eve.User.ID, "", by(bob, "member.remove", &eve, room.ID, "")},
		{bob, "PUT", path + "/bans/" + eve.User.ID, `{"reason":"spam"}`, by(bob, "room.ban", &eve, room.ID, "spam")},
		{bob, "PUT", path + "/bans/" + eve.User.ID, `{"reason":"more spam"}`, by(bob, "room.ban", &eve, room.ID, "more spam")},
		{bob, "DELETE", path + "/bans/" + eve.User.ID, "", by(bob, "room.unban", &eve, room.ID, "")},
		{bob, "DELETE", path + "/bans/" + eve.User.ID, "", actView{}},
		{ann, "PUT", "/v1/bans/" + eve.User.ID, `{"reason":"again"}`, by(ann, "server.ban", &eve, "", "again")},
		{ann, "DELETE", "/v1/bans/" + eve.User.ID, "", by(ann, "server.unban", &eve, "", "")},
		{ann, "DELETE", "/v1/bans/" + eve.User.ID, "", actView{}},
		{ann, "GET", "/v1/audit/export?subject=" + eve.User.ID, "", by(ann, "audit.export", &credentials{User: account{ID: eve.User.ID}}, "", "subject="+eve.User.ID)},
	} {
		_, _ = w.call(tt.method, tt.path, tt.who.Token, tt.body, nil)
		if tt.want.Action != "" {
			want = append(want, tt.want)
		}
		if got := w.audited(ann, ""); !cmp.Equal(got, want) {
			t.Fatalf("after %s %s:\n%s", tt.method, tt.path, cmp.Diff(want, got))
		}
	}
	for filter, match := range map[string]func(actView) bool{
		"actor=" + bob.User.ID:                              func(a actView) bool { return a.Actor == bob.User.ID },
		"subject=" + eve.User.ID:                            func(a actView) bool { return a.Subject == eve.User.ID },
		"room=" + room.ID + "&action=room.ban":              func(a actView) bool { return a.Room == room.ID && a.Action == "room.ban" },
		"actor=" + ann.User.ID + "&room=" + room.ID:         func(actView) bool { return false },
		fmt.Sprint("since=", time.Now().UnixMilli()+60_000): func(actView) bool { return false },
		fmt.Sprint("until=", time.Now().UnixMilli()+60_000): func(actView) bool { return true },
	} {
		var some []actView
		for _, a := range want {
			if match(a) {
				some = append(some, a)
			}
		}
		if got := w.audited(ann, filter); !cmp.Equal(got, some) {
			t.Errorf("%s:\n%s", filter, cmp.Diff(some, got))
		}
	}
	// Page by page it is the same.
	var paged []actView
	for before := ""; ; {
		var out actsOutput
		w.ok("GET", "/v1/audit?limit=3&before="+before, ann.Token, "", &out)
		for _, a := range out.Acts {
			a.ID, a.At = "", 0
			paged = append([]actView{a}, paged...)
		}
		if before = out.Next; before == "" || len(paged) > len(want) {
			break
		}
	}
	if !cmp.Equal(paged, want) {
		t.Errorf("by pages:\n%s", cmp.Diff(want, paged))
	}
	for query, code := range map[string]string{
		"?since=5&until=5": "bad_request", "?actor=a%20b": "bad_request", "?before=!": "bad_request", "?limit=0": "bad_request",
		"?limit=201": "bad_request", "?since=-1": "bad_request", "?since=x": "bad_request",
	} {
		if c := w.code(ann, "GET", "/v1/audit"+query, ""); c != code {
			t.Errorf("%s: %q", query, c)
		}
	}
	for _, path := range []string{"/v1/audit", "/v1/audit/export"} {
		for _, c := range []credentials{bob, w.comeIn("Gus")} {
			if got := w.code(c, "GET", path, ""); got != chat.CodeForbidden {
				t.Errorf("%s of %s is answered %q", path, c.User.Name, got)
			}
		}
	}
}

// TestAuditOfWhatFails: the store fails before, in and after an act: none is done that is not in
// the log.
func TestAuditOfWhatFails(t *testing.T) {
	w, ann := operated(t)
	eve := w.register("Eve")
	broken := errors.New("broken")
	failAt := func(call string, done bool) {
		w.memory.Fail(func(c string, d bool) error {
			if c == call && d == done {
				return broken
			}
			return nil
		})
	}
	ban, unban := "/v1/bans/"+eve.User.ID, "DELETE"
	isBanned := func() bool {
		t.Helper()
		out, err := w.rights.banned(t.Context(), wholeServer, eve.User.ID)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, tt := range []struct {
		name, call string
		done       bool
		code       string
		banned     bool
		outcome    string // none: it is not in the log
	}{
		{"it cannot be written down", "PutAct", false, "unavailable", false, ""},
		{"it is written down, and the store fails", "PutAct", true, "unavailable", false, store.OutcomeUnknown},
		{"the act fails", "PutBan", false, "unavailable", false, store.OutcomeUnknown},
		{"the store fails after the act", "PutBan", true, "unavailable", true, store.OutcomeUnknown},
		{"the outcome cannot be written down", "EndAct", false, "", true, store.OutcomeUnknown},
		{"nothing fails", "", false, "", true, store.OutcomeDone},
	} {
		n := len(w.audited(ann, "action=server.ban"))
		failAt(tt.call, tt.done)
		code := w.code(ann, "PUT", ban, `{}`)
		w.memory.Fail(nil)
		all := w.audited(ann, "action=server.ban")
		if code != tt.code || isBanned() != tt.banned || (len(all) > n) != (tt.outcome != "") {
			t.Errorf("%s: answered %q; banned: %v; in the log are %+v", tt.name, code, isBanned(), all)
		} else if tt.outcome != "" && all[n].Outcome != tt.outcome {
			t.Errorf("%s: the log says %+v", tt.name, all[n])
		}
		w.ok(unban, ban, ann.Token, "", nil)
	}
	// A change that is made, and told on the bus later only, is done.
	w.server.Fail(func(call, _ string) error {
		if call == "Append" {
			return broken
		}
		return nil
	})
	if c := w.code(ann, "PUT", ban, `{}`); c != "unavailable" || !isBanned() {
		t.Errorf("without a bus: %q, %v", c, isBanned())
	}
	if a := w.lastAudited(ann); a.Action != "server.ban" || a.Outcome != store.OutcomeDone {
		t.Errorf("without a bus, the log says %+v", a)
	}
}

// TestAuditOfTheImpossible: what is found out to be impossible only while it is done, has failed.
func TestAuditOfTheImpossible(t *testing.T) {
	w, ann := operated(t)
	bob := w.register("Bob")
	room := w.create(ann, `{"name":"Ours"}`)
	w.bring(ann, room.ID, bob, "member")
	w.store.set(func(method string) error {
		if method == "SetRole before" {
			return w.store.Store.DeleteMember(t.Context(), room.ID, bob.User.ID)
		}
		return nil
	})
	if c := w.code(ann, "POST", "/v1/rooms/"+room.ID+"/members", `{"user":"`+bob.User.ID+`","role":"moderator"}`); c != "conflict" {
		t.Errorf("code is %q", c)
	}
	if a := w.lastAudited(ann); a.Action != "member.role" || a.Outcome != store.OutcomeFailed {
		t.Errorf("the log says %+v", a)
	}
}

// TestAuditExport reads the whole log as lines over HTTP; one that the store does not give to its
// end is cut off.
func TestAuditExport(t *testing.T) {
	w, ann := operated(t)
	// what is older than the log keeps may go at any moment
	at := time.Now().Add(-time.Hour).UnixMilli()
	for i := range 2 * maxActs {
		a := store.Act{ID: fmt.Sprintf("%s7000-8000-%012d", store.ActIDAt(at), i), At: at, Action: "test", Outcome: store.OutcomeDone}
		if err := w.store.PutAct(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(w.Handler())
	t.Cleanup(server.Close)
	export := func() (lines int, err error) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/audit/export", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+ann.Token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("answered %s %v", answer.Status, answer.Header)
		}
		in, seen := bufio.NewReader(answer.Body), map[string]bool{}
		for {
			line, err := in.ReadString('\n')
			if errors.Is(err, io.EOF) {
				return len(seen), nil
			} else if err != nil {
				return len(seen), err
			}
			var a actView
			if err := json.Unmarshal([]byte(line), &a); err != nil || a.Action == "" || seen[a.ID] {
				t.Errorf("line %q: %v", line, err)
			}
			seen[a.ID] = true
		}
	}
	if n, err := export(); err != nil || n != 2*maxActs+2 {
		t.Errorf("%d acts, %v", n, err)
	}
	if a := w.lastAudited(ann); a.Action != "audit.export" || a.Outcome != store.OutcomeDone {
		t.Errorf("the log says %+v", a)
	}
	pages := 0
	w.memory.Fail(func(call string, done bool) error {
		if call == "Acts" && !done {
			if pages++; pages > 2 {
				return errors.New("broken")
			}
		}
		return nil
	})
	if n, err := export(); err == nil {
		t.Errorf("an answer that is not whole has %d acts and ends as if it were", n)
	}
}

// TestAuditKeep removes what the log has kept for long enough, and nothing else.
func TestAuditKeep(t *testing.T) {
	w, ann := operated(t)
	now := time.Now()
	for i, age := range []time.Duration{w.cfg.AuditKeep + time.Minute, w.cfg.AuditKeep - time.Minute} {
		at := now.Add(-age).UnixMilli()
		if err := w.store.PutAct(t.Context(), store.Act{ID: store.ActIDAt(at) + "7000", At: at, Action: fmt.Sprint("test", i)}); err != nil {
			t.Fatal(err)
		}
	}
	w.keepHouse(t.Context())
	var left []string
	for _, a := range w.audited(ann, "") {
		left = append(left, a.Action)
	}
	if got := strings.Join(left, " "); !strings.HasPrefix(got, "test1 account.create") {
		t.Errorf("left are %s", got)
	}
}
