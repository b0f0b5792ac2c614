package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/export"
	"hubbub.internal/services/directory/store"
)

// record answers pages of messages of a room, two at a time, and acts between them.
func (w *world) record(room string, messages []chat.Message, acts []chat.Event) {
	w.t.Helper()
	sub, err := api.Handle(w.t.Context(), w.connect(w.t), historyapi.ServicePage, nil, func(_ context.Context, r historyapi.PageRequest) (p historyapi.Page, _ error) {
		if r.Room != room || (r.After == 0) != (r.Around == 1) {
			return p, nil
		}
		from := slices.IndexFunc(messages, func(m chat.Message) bool { return m.Seq > r.After })
		if from < 0 {
			return p, nil
		}
		p.Removed = &historyapi.Removed{Through: 1, Messages: 12}
		to := min(from+2, len(messages))
		p.Messages, p.More = messages[from:to], to < len(messages)
		for _, a := range acts {
			if a.Seq > r.After && (!p.More || a.Seq < messages[to-1].Seq) {
				p.Acts = append(p.Acts, a)
			}
		}
		return p, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(sub.Stop)
}

// text returns what a route answers that does not answer with JSON.
func (w *world) text(c credentials, path string) (http.Header, string) {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = "198.51.100.7:1234"
	r.Header.Set("Authorization", "Bearer "+c.Token)
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		w.t.Fatalf("%s answered %d %s", path, rec.Code, rec.Body)
	}
	return rec.Header(), rec.Body.String()
}

// TestExport: an owner takes a copy of a room in both forms; the audit log has who did, and the
// hash.
func TestExport(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Plans","topic":"of ours","private":true}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	var said []chat.Message
	for i := range uint64(5) {
		said = append(said, chat.Message{Event: chat.Event{Type: chat.TypeMsg, Room: room.ID, Seq: 10 * (i + 1), User: bob.User.ID, Name: "Bob", ID: fmt.Sprint("m", i), Text: fmt.Sprintf("text <%d>", i)}})
	}
	w.record(room.ID, said, []chat.Event{
		{Type: chat.TypeModerated, Room: room.ID, Seq: 15, User: ann.User.ID, Name: "Ann", Act: chat.ActRules},
		{Type: chat.TypeModerated, Room: room.ID, Seq: 55, User: ann.User.ID, Name: "Ann", Act: chat.ActMute, Member: bob.User.ID, MemberName: "Bob"},
	})
	path := "/v1/rooms/" + room.ID + "/export"
	if code := w.code(bob, "GET", path, ""); code != chat.CodeForbidden {
		t.Errorf("a member's copy: %q", code)
	}
	if code := w.code(ann, "GET", path+"?format=pdf", ""); code != chat.CodeBadRequest {
		t.Errorf("another form: %q", code)
	}
	header, text := w.text(ann, path)
	if header.Get("Content-Type") != "application/x-ndjson" || !strings.Contains(header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%v", header)
	}
	var lines []string
	sum, err := export.Verify(strings.NewReader(text), func(l export.Line) error {
		var e chat.Event
		_ = json.Unmarshal(l.Content, &e)
		lines = append(lines, fmt.Sprint(l.Kind, e.Seq))
		return nil
	})
	if err != nil || sum.Head.By != "Ann" || sum.Head.Room == nil || *sum.Head.Room != (export.Room{ID: room.ID, Name: "Plans", Topic: "of ours", Private: true, Created: sum.Head.Room.Created}) {
		t.Errorf("%v: %+v", err, sum.Head)
	}
	if got := strings.Join(lines, " "); got != "export0 member0 member0 message10 act15 message20 message30 message40 message50 act55" {
		t.Errorf("the copy has %s", got)
	}
	var acts []string
	all, err := w.store.Acts(t.Context(), store.ActFilter{Action: actRoomExport}, 10)
	for _, a := range all {
		acts = append(acts, fmt.Sprint(a.ActorName, " ", a.Room == room.ID, " ", a.Outcome, " ", a.Detail))
	}
	if want := "Ann true done 5 messages, hash " + sum.Hash.String() + "; Ann true done "; err != nil || strings.Join(acts, "; ") != want {
		t.Errorf("%v: the audit log has %v; want %s", err, acts, want)
	}
	header, page := w.text(ann, path+"?format=html")
	if !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !strings.Contains(header.Get("Content-Disposition"), "attachment") || strings.Count(page, "<article") != 5 || !strings.Contains(page, "text &lt;4&gt;") || !strings.HasSuffix(page, "</html>\n") {
		t.Errorf("%v: %s", header, page)
	}
}

// TestAdminExport: at a console anybody's messages are copied, and any room, in several requests.
func TestAdminExport(t *testing.T) {
	w := openWorld(t, config())
	h := w.historian()
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Plans","private":true}`)
	h.mu.Lock()
	h.said = map[string][]chat.Message{bob.User.ID: {
		{Event: chat.Event{Type: chat.TypeMsg, Room: "a", Seq: 1, User: bob.User.ID, ID: "m1", Text: "one"}},
		{Event: chat.Event{Type: chat.TypeMsg, Room: "a", Seq: 2, User: bob.User.ID, ID: "m2", Text: "two"}},
		{Event: chat.Event{Type: chat.TypeMsg, Room: "b", Seq: 1, User: bob.User.ID, ID: "m3", Text: "three"}},
	}}
	h.mu.Unlock()
	client := directoryapi.NewClient(w.bus)
	take := func(r directoryapi.AdminRequest) (string, error) {
		var out strings.Builder
		for r.Do, r.By = directoryapi.AdminExport, "root@host"; ; {
			reply, err := client.Admin(t.Context(), r)
			if err != nil {
				return "", err
			}
			for _, l := range reply.Lines {
				fmt.Fprintf(&out, "%s\n", l)
			}
			if r.After = reply.Next; r.After == "" {
				return out.String(), nil
			}
		}
	}
	text, err := take(directoryapi.AdminRequest{User: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := export.Verify(strings.NewReader(text), nil)
	if err != nil || sum.Head.Person == nil || *sum.Head.Person != (export.Person{ID: bob.User.ID, Name: "Bob"}) || sum.Lines[export.KindMessage] != 3 || sum.Head.By != "hubbub admin (root@host)" {
		t.Errorf("%v: %+v", err, sum)
	}
	acts, err := w.store.Acts(t.Context(), store.ActFilter{Action: actPersonExport}, 10)
	if err != nil || len(acts) != 2 || acts[0].Subject != bob.User.ID || acts[0].SubjectName != "Bob" || acts[0].Detail != "3 messages, hash "+sum.Hash.String() {
		t.Errorf("%v: %+v", err, acts)
	}
	if text, err = take(directoryapi.AdminRequest{Filter: directoryapi.AdminFilter{Room: room.ID}}); err != nil {
		t.Fatal(err)
	}
	if sum, err = export.Verify(strings.NewReader(text), nil); err != nil || sum.Head.Room == nil || sum.Lines[export.KindMember] != 1 || sum.Lines[export.KindMessage] != 0 {
		t.Errorf("%v: %+v", err, sum)
	}
	for _, tt := range []struct {
		r    directoryapi.AdminRequest
		code string
	}{
		{directoryapi.AdminRequest{}, chat.CodeBadRequest},
		{directoryapi.AdminRequest{User: "bob", Filter: directoryapi.AdminFilter{Room: room.ID}}, chat.CodeBadRequest},
		{directoryapi.AdminRequest{User: "nobody"}, chat.CodeNotFound},
		{directoryapi.AdminRequest{Filter: directoryapi.AdminFilter{Room: "no-such"}}, chat.CodeNotFound},
		{directoryapi.AdminRequest{User: "bob", After: "garbage"}, chat.CodeBadRequest},
		{directoryapi.AdminRequest{After: "{}"}, chat.CodeBadRequest},
	} {
		if _, err := take(tt.r); chat.CodeOf(err) != tt.code {
			t.Errorf("%+v: %v; want %s", tt.r, err, tt.code)
		}
	}
}
