package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/export"
)

// rewritten answers the versions of messages, by their ids, two at a time, and notes what it was
// asked.
func (w *world) rewritten(texts map[string][]string) (asked func() []historyapi.VersionsRequest) {
	w.t.Helper()
	var mu sync.Mutex
	var all []historyapi.VersionsRequest
	sub, err := api.Handle(w.t.Context(), w.connect(w.t), historyapi.ServiceVersions, nil, func(_ context.Context, r historyapi.VersionsRequest) (out historyapi.Versions, _ error) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, r)
		said := texts[r.ID]
		if said == nil {
			return out, chat.E(chat.CodeNotFound, "there is no such message")
		}
		for i, text := range said {
			seq := uint64(1000 - i)
			if r.Before > 0 && seq >= r.Before {
				continue
			}
			if out.More = len(out.Versions) == 2; out.More {
				break
			}
			out.Versions = append(out.Versions, historyapi.Version{Seq: seq, TS: int64(seq), Text: text, Lost: text == ""})
		}
		return out, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(sub.Stop)
	return func() []historyapi.VersionsRequest {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

// edited are messages of a user in a room, all of which but the first were edited.
func edited(room string, who credentials) (said []chat.Message) {
	for i := range 4 {
		m := chat.Message{Event: chat.Event{Type: chat.TypeMsg, Room: room, Seq: uint64(10 * (i + 1)), User: who.User.ID, Name: who.User.Name, ID: fmt.Sprint("m", i), Text: "now"}}
		if i > 0 {
			m.EditedTS = 7
		}
		said = append(said, m)
	}
	return said
}

// versionsOfEdited are those of the messages of edited. One of them is deleted while it is copied.
var versionsOfEdited = map[string][]string{"m1": {"now", "five <b>", "four", "", "one"}, "m2": {"now", "before"}}

// copiedEdited is what a copy has of them.
const copiedEdited = "message:now message:now version:five <b> version:four version: version:one message:now version:before message:now"

// copied is what the lines of a copy say of messages.
func copied(t *testing.T, text string) string {
	t.Helper()
	var lines []string
	_, err := export.Verify(strings.NewReader(text), func(l export.Line) error {
		if l.Kind != export.KindMessage && l.Kind != export.KindVersion {
			return nil
		}
		var v export.MessageVersion
		if err := json.Unmarshal(l.Content, &v); err != nil {
			return err
		}
		if l.Kind == export.KindVersion && (v.Room == "" || v.User == "" || v.ID == "" || v.Seq == 0 || v.TS == 0 || v.Lost != (v.Text == "")) {
			t.Errorf("a version is %+v", v)
		}
		lines = append(lines, l.Kind+":"+v.Text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, " ")
}

// TestExportedVersions: a copy of a room has what messages said before, in lines behind them, as
// far as the room shows it.
func TestExportedVersions(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	room := w.create(ann, `{"name":"Plans"}`)
	w.record(room.ID, edited(room.ID, ann), nil)
	asked := w.rewritten(versionsOfEdited)
	path := "/v1/rooms/" + room.ID + "/export"
	if _, text := w.text(ann, path); copied(t, text) != copiedEdited {
		t.Errorf("the copy has %s", copied(t, text))
	}
	_, page := w.text(ann, path+"?format=html")
	if strings.Count(page, "Earlier version") != 5 || !strings.Contains(page, "five &lt;b&gt;") || !strings.Contains(page, "The text was not kept.") {
		t.Errorf("the page is %s", page)
	}
	w.ok("PATCH", "/v1/rooms/"+room.ID, ann.Token, `{"versions":false}`, nil)
	before := len(asked())
	if _, text := w.text(ann, path); copied(t, text) != "message:now message:now message:now message:now" || len(asked()) != before {
		t.Errorf("where they are not shown, the copy has %s", copied(t, text))
	}
	w.ok("PATCH", "/v1/rooms/"+room.ID, ann.Token, `{"versions":true}`, nil)
	w.text(ann, path)
	if all := asked(); len(all) == before || all[before].Since == 0 || all[before].Since == chat.Forever {
		t.Errorf("asked for %+v", all[before:])
	}
}

// TestExportedVersionsOfPersons: a copy of a person, and what users take along, have all versions.
func TestExportedVersionsOfPersons(t *testing.T) {
	w := openWorld(t, config())
	h := w.historian()
	ann := w.register("Ann")
	room := w.create(ann, `{"name":"Plans"}`)
	w.ok("PATCH", "/v1/rooms/"+room.ID, ann.Token, `{"versions":false}`, nil)
	h.mu.Lock()
	h.said = map[string][]chat.Message{ann.User.ID: edited(room.ID, ann)}
	h.mu.Unlock()
	asked := w.rewritten(versionsOfEdited)
	var lines []string
	for r := (directoryapi.AdminRequest{Do: directoryapi.AdminExport, By: "root@host", User: "ann"}); ; {
		reply, err := directoryapi.NewClient(w.bus).Admin(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range reply.Lines {
			lines = append(lines, string(l))
		}
		if r.After = reply.Next; r.After == "" {
			break
		}
	}
	if got := copied(t, strings.Join(lines, "\n")+"\n"); got != copiedEdited {
		t.Errorf("a person's copy has %s", got)
	}
	_, text := w.text(ann, "/v1/me/data")
	var mine struct {
		Messages []struct {
			ID       string
			Versions []historyapi.Version
		}
	}
	if err := json.Unmarshal([]byte(text), &mine); err != nil || len(mine.Messages) != 4 {
		t.Fatalf("%v: %s", err, text)
	}
	var all []string
	for _, m := range mine.Messages {
		var texts []string
		for _, v := range m.Versions {
			texts = append(texts, v.Text)
		}
		all = append(all, m.ID+" "+strings.Join(texts, ","))
	}
	if got := strings.Join(all, "; "); got != "m0 ; m1 five <b>,four,,one; m2 before; m3 " {
		t.Errorf("a user takes along %s", got)
	}
	for _, r := range asked() {
		if r.Since != 0 || r.Room != room.ID || r.Author != ann.User.ID {
			t.Errorf("asked for %+v", r)
		}
	}
}
