package history

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mentions"
	"hubbub.internal/services/history/store"
)

// TestInboxOfLongMessages: an inbox of more rooms than one answer carries comes in several, each
// room once.
func TestInboxOfLongMessages(t *testing.T) {
	w := open(t)
	w.stop()
	var rooms []string
	var all []store.Entry
	for i := range store.MaxInbox {
		room := fmt.Sprintf("r%03d", i)
		rooms = append(rooms, room)
		e := chat.Event{
			Type: chat.TypeMsg, Room: room, User: "ann", ID: "m1", Name: strings.Repeat("\x01", 64), Text: strings.Repeat("\x01", chat.InboxText+50),
		}
		kept, err := entryOf(logEntry(t, 5, e))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, kept)
	}
	if _, err := w.store.Append(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	reads := map[string]uint64{}
	for _, room := range rooms {
		reads[room] = 1
	}
	if err := w.store.PutReads(t.Context(), "bob", reads); err != nil {
		t.Fatal(err)
	}
	w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, rooms...)}})
	var found []string
	answers := 0
	for next := ""; answers < 10; {
		data, err := w.Service.inboxes.build(t.Context(), historyapi.InboxRequest{User: "bob", Next: next})
		if err != nil || len(data) > bus.MaxData {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		var out historyapi.Inbox
		if err := json.Unmarshal(data, &out); err != nil {
			t.Fatal(err)
		}
		answers++
		for _, r := range out.Rooms {
			found = append(found, r.Room)
		}
		if next = out.Next; next == "" {
			break
		}
	}
	if !slices.Equal(found, rooms) || answers < 2 {
		t.Errorf("%d rooms in %d answers", len(found), answers)
	}
}

// TestOnePlaceOfAPage: a page is before a seq, after one, or around one, and not two of these.
func TestOnePlaceOfAPage(t *testing.T) {
	w := open(t)
	for _, tt := range []struct {
		req  historyapi.PageRequest
		code string
	}{
		{historyapi.PageRequest{Before: 1, After: 1}, chat.CodeBadRequest},
		{historyapi.PageRequest{Before: 1, Around: 1}, chat.CodeBadRequest},
		{historyapi.PageRequest{After: 1, Around: 1}, chat.CodeBadRequest},
		{historyapi.PageRequest{Before: bus.MaxSeq}, ""},
		{historyapi.PageRequest{Before: bus.MaxSeq + 1}, chat.CodeBadRequest},
		{historyapi.PageRequest{After: bus.MaxSeq + 1}, chat.CodeBadRequest},
		{historyapi.PageRequest{Around: bus.MaxSeq + 1}, chat.CodeBadRequest},
		{historyapi.PageRequest{Limit: historyapi.MaxLimit}, ""},
		{historyapi.PageRequest{Limit: historyapi.MaxLimit + 1}, chat.CodeBadRequest},
		{historyapi.PageRequest{Limit: -1}, chat.CodeBadRequest},
		{historyapi.PageRequest{Room: chat.ControlRoom}, chat.CodeBadRequest},
	} {
		if tt.req.Room == "" {
			tt.req.Room = "r1"
		}
		if _, err := w.api.Page(t.Context(), tt.req); err == nil != (tt.code == "") || err != nil && chat.CodeOf(err) != tt.code {
			t.Errorf("%+v: %v, want %q", tt.req, err, tt.code)
		}
	}
	for _, req := range []historyapi.MineRequest{{User: "ann", Seq: bus.MaxSeq + 1}, {User: "ann", Room: "a b"}} {
		if _, err := w.api.Mine(t.Context(), req); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", req, err)
		}
	}
	if _, err := w.api.Since(t.Context(), historyapi.SinceRequest{Room: "r1", After: bus.MaxSeq, Limit: 1}); err != nil {
		t.Errorf("since the last seq there is: %v", err)
	}
}

// TestTurnsAreAsConfigured: so many are read at the same time, of so many bytes for each user;
// changes are not counted in bytes.
func TestTurnsAreAsConfigured(t *testing.T) {
	s, err := New(Config{MaxTail: 2000, MaxEdits: 1, Pages: 3, Bytes: 70_000}, Deps{Bus: openBus(t)})
	if err != nil {
		t.Fatal(err)
	}
	if s.reads.free != 3 || s.reads.allowance.perSecond != 70_000 || s.writes.free != appliesAtOnce || s.writes.allowance.perSecond != 0 {
		t.Errorf("reads: %d of %d bytes; changes: %d of %d", s.reads.free, s.reads.allowance.perSecond, s.writes.free, s.writes.allowance.perSecond)
	}
}

// TestPurgeGoesOnAtOnce: a purge begins when it is asked for, and its steps follow each other.
func TestPurgeGoesOnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		w.clock.Store(time.Now().UnixMilli())
		var last uint64
		const n = 2*purgeBatch + 10
		for i := range n {
			last = w.say("r1", "ann", fmt.Sprint("m", i), "x")
		}
		w.stored("r1", last)
		time.Sleep(refreshJobs / 2)
		began := time.Now()
		if err := w.api.Purge(t.Context(), historyapi.PurgeRequest{ID: "p1", User: "ann", Actor: "mod", Name: "Mod"}); err != nil {
			t.Fatal(err)
		}
		w.eventually("all are deleted", func() bool { return strings.Count(w.log("r1"), `"type":"deleted"`) == n })
		if took := time.Since(began); took > 10*jobPause {
			t.Errorf("it took %s", took)
		}
		if log := w.log("r1"); strings.Count(log, `"name":"Mod"`) != n || strings.Count(log, `"author":"ann"`) != n {
			t.Error("the deletions do not say by whom they are, or of whom")
		}
	})
}

// TestMentionedAgain: whoever is mentioned, is not any more, and is mentioned again by later edits,
// is told each time.
func TestMentionedAgain(t *testing.T) {
	w := open(t)
	w.people(&people{names: []string{"bob"}, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}})
	w.joins("r1", "bob", "bob")
	w.say("r1", "ann", "m1", "@bob")
	want := []bool{true}
	for i, text := range []string{"nobody", "@bob", "nobody", "@bob, again", "@bob, the same"} {
		w.inboxNow("bob") // what was said before is looked up
		if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", ID: fmt.Sprint("e", i), User: "ann", Target: "m1", Author: "ann", Text: text}); code != "" {
			t.Fatal(code)
		}
		if i < 4 {
			want = append(want, i%2 == 1)
		}
	}
	w.inboxNow("bob")
	var got []bool
	for _, e := range w.told("bob") {
		got = append(got, e.On)
	}
	is(t, "told", got, want)
}

// TestRoomAndHere: who mentions everybody mentions nobody beside, whoever is online.
func TestRoomAndHere(t *testing.T) {
	w := open(t)
	w.people(&people{names: []string{"bob"}, all: true, online: []string{"ann", "bob"}, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1"), "ann": in(0, "r1")}})
	for _, user := range []string{"ann", "bob"} {
		w.joins("r1", user, user)
	}
	w.say("r1", "ann", "m1", "@room @here @bob")
	is(t, "bob", w.inboxNow("bob")["r1"].Mentions, 1)
	w.say("r1", "ann", "m2", "@here @bob @ann")
	is(t, "bob", w.inboxNow("bob")["r1"].Mentions, 2)
	is(t, "ann", w.inboxNow("ann")["r1"].Mentions, 0)
	if got := w.told("bob"); len(got) != 1 {
		t.Errorf("bob was told %+v", got)
	}
	is(t, "shown", w.page(historyapi.PageRequest{Room: "r1"}).Messages[0].Mentions, []string{"bob", chat.MentionsRoom})
}

// TestNamesOfManyMessages: the directory is asked for no more at once than it answers, and each
// message gets the answer that is its own.
func TestNamesOfManyMessages(t *testing.T) {
	w := open(t)
	w.stop()
	asked := 0
	directory, err := api.Handle(t.Context(), w.bus, directoryapi.ServiceMentions, nil,
		func(_ context.Context, r directoryapi.MentionsRequest) (out directoryapi.MentionsReply, _ error) {
			asked++
			names := 0
			for _, text := range r.Texts {
				users := make(map[string]string, len(text.Names))
				for _, name := range text.Names {
					users[name] = "id of " + name
				}
				names += len(users)
				out.Texts = append(out.Texts, directoryapi.Mentioned{Users: users})
			}
			if names > directoryapi.MaxMentionNames || len(r.Texts) > directoryapi.MaxMentions {
				t.Errorf("the directory is asked for %d names of %d texts", names, len(r.Texts))
			}
			return out, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(directory.Stop)
	var all []*unresolved
	for i := range 2*directoryapi.MaxMentions + 5 {
		u := &unresolved{Unresolved: store.Unresolved{Room: "r1", Sender: "ann", ID: fmt.Sprint("m", i)}}
		var text strings.Builder
		for n := range 20 {
			fmt.Fprintf(&text, "@u%d-%d ", i, n)
		}
		if u.text = mentions.Read(text.String()); i%7 == 3 {
			u.text = mentions.Read("nobody")
		}
		all = append(all, u)
	}
	found, err := w.resolver.lookUp(t.Context(), all)
	if err != nil || len(found) != len(all) || asked != 2 { // of those that name anybody
		t.Fatalf("%d of %d in %d answers: %v", len(found), len(all), asked, err)
	}
	for i, u := range all {
		for _, name := range u.text.Names() {
			if found[i].Users[name] != "id of "+name {
				t.Fatalf("message %d: %s is %q", i, name, found[i].Users[name])
			}
		}
		if n := len(u.text.Names()); len(found[i].Users) != n || n < 20 && i%7 != 3 {
			t.Errorf("message %d: %d of %d names", i, len(found[i].Users), n)
		}
	}
}
