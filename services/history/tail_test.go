package history

import (
	"slices"
	"strings"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// TestChangesThatAreNotStored changes a message that is stored, with what was done to it, while
// nothing is stored any more: a page has both.
func TestChangesThatAreNotStored(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "one")
	about := func(kind, user, id string) chat.Event {
		return chat.Event{Type: kind, Room: "r1", User: user, ID: id, Target: "m1", Author: "ann", On: true}
	}
	react, edit := about(chat.TypeReacted, "bob", "r1"), about(chat.TypeEdited, "ann", "e1")
	react.Emoji, edit.Text = "👍", "two"
	w.event(react)
	w.stored("r1", w.event(edit))
	w.stop()
	react.User, edit.ID, edit.Text = "cy", "e2", "three"
	w.event(react)
	w.event(edit)
	w.event(about(chat.TypePinned, "bob", "p1"))
	p, err := w.pageNow(historyapi.PageRequest{Room: "r1"})
	if err != nil || len(p.Messages) != 1 {
		t.Fatalf("the page is %+v, %v", p, err)
	}
	if m := p.Messages[0]; m.Text != "three" || !m.Pinned || !slices.Equal(m.Reactions["👍"], []string{"bob", "cy"}) {
		t.Errorf("the message is %+v", m)
	}
}

// TestTailThatIsStored holds that what was stored after the tail was read is done once: a message
// stays as the last that is stored left it.
func TestTailThatIsStored(t *testing.T) {
	stored := &store.Done{Through: 6}
	pin := store.Entry{Room: "r1", Seq: 5, Sender: "bob", ID: "p1", Type: chat.TypePinned, Target: "m1", Author: "ann", Slot: chat.TypePinned}
	r := &record{tail: []store.Entry{pin}}
	done := map[store.Name]*chat.Message{}
	if err := r.addTail(done, []store.Entry{{Sender: "ann", ID: "m1", Done: stored}}); err != nil || len(done) > 0 {
		t.Errorf("done is %+v, %v", done, err)
	}
	pin.Seq = 7
	r.tail[0] = pin
	if err := r.addTail(done, []store.Entry{{Sender: "ann", ID: "m1", Done: stored}}); err != nil || len(done) != 1 {
		t.Errorf("done is %+v, %v", done, err)
	}
}

// TestTextIsThereOnce holds that a message whose text was replaced, and is not erased yet, has the
// new one alone, and that nothing that is in its entry is lost.
func TestTextIsThereOnce(t *testing.T) {
	entry := func(data string) store.Entry {
		return store.Entry{Seq: 5, Data: []byte("\x01" + data), Done: &store.Done{Through: 9, Members: []byte(`"text":"new","edited_ts":3,"pinned":true`)}}
	}
	for data, want := range map[string]string{
		`{"type":"msg","id":"m1","ts":1,"text":"old"}`:              `{"type":"msg","seq":5,"room":"","id":"m1","ts":1,"text":"new","edited_ts":3,"pinned":true}`,
		`{"type":"msg","id":"m1","ts":1,"of a later release":true}`: `{"seq":5,"type":"msg","id":"m1","ts":1,"of a later release":true,"text":"new","edited_ts":3,"pinned":true}`,
	} {
		m, err := encodeMessage(entry(data), nil)
		if err != nil || string(m.json) != want || strings.Count(string(m.json), `"text"`) != 1 {
			t.Errorf("%s is %s, %v", data, m.json, err)
		}
	}
}
