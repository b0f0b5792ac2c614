package history

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
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

// TestOldest: the first messages after a Seq are those that are stored, and then the tail's, if the
// store has left nothing out between them.
func TestOldest(t *testing.T) {
	s := openStore(t, t.TempDir()+"/history.db")
	at := func(seq uint64, size int) store.Entry {
		return store.Entry{Room: "r1", Seq: seq, Sender: "ann", ID: fmt.Sprint("m", seq), Type: chat.TypeMsg, Data: bytes.Repeat([]byte("x"), size)}
	}
	large := store.PageBytes / 2
	if _, err := s.Append(t.Context(), []store.Entry{at(1, 1), at(2, 1), at(3, large), at(4, large), at(5, large), at(6, 1)}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name         string
		last         uint64 // that is stored, when the tail is read
		after, floor uint64
		limit        int
		want         []uint64
	}{
		{"as many as are asked for", 6, 0, 0, 2, []uint64{1, 2}},
		{"as much as a page has", 6, 2, 0, 10, []uint64{3, 4, 5}},
		{"the tail, too", 6, 4, 0, 10, []uint64{5, 6, 7, 8}},
		{"of the tail as many as are asked for", 6, 4, 0, 3, []uint64{5, 6, 7}},
		{"of the tail what comes after", 6, 7, 0, 3, []uint64{8}},
		{"nothing from before a reset", 6, 0, 6, 3, []uint64{6, 7, 8}},
		{"what was stored since, once", 5, 4, 0, 10, []uint64{5, 6, 7, 8}},
		{"what was stored since, alone", 4, 4, 0, 10, []uint64{5, 6, 7, 8}},
	} {
		r := &record{records: &records{store: s}, room: "r1", last: bus.Position{Seq: tt.last}, floor: tt.floor}
		for seq := tt.last + 1; seq < 9; seq++ {
			r.tail = append(r.tail, at(seq, 1))
		}
		found, err := r.oldest(t.Context(), tt.after, tt.limit)
		var got []uint64
		for _, e := range found {
			got = append(got, e.Seq)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}

// TestRewound: a position is rewound if there is another event at its Seq, and not if that is gone.
func TestRewound(t *testing.T) {
	s := openStore(t, t.TempDir()+"/history.db")
	at := func(seq uint64, id string) store.Entry {
		return store.Entry{Room: "r1", Seq: seq, Sender: "ann", ID: id, Type: chat.TypeMsg, Data: []byte("x")}
	}
	if _, err := s.Append(t.Context(), []store.Entry{at(1, "m1"), at(2, "m2"), at(4, "m4")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RemoveThrough(t.Context(), "r1", 1, 10); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		seq   uint64
		id    string
		floor uint64
		want  bool
	}{
		{"from the start", 0, "", 0, false},
		{"without an id", 2, "", 0, false},
		{"behind the end", 8, "m8", 0, true},
		{"at the end", 7, "m7", 0, false},
		{"stored", 2, "m2", 0, false},
		{"stored, another", 2, "m9", 0, true},
		{"where nothing is", 3, "m3", 0, true},
		{"removed", 1, "m1", 0, false},
		{"the last that is stored", 4, "m4", 0, false},
		{"in the tail", 5, "m5", 0, false},
		{"in the tail, another", 5, "m9", 0, true},
		{"in the tail, of another Seq", 5, "m7", 0, true},
		{"before a reset, stored", 2, "m2", 7, false},
		{"before a reset, out of the store", 3, "m3", 7, false},
		{"before a reset, out of the log", 6, "m6", 7, false},
		{"the reset", 7, "m7", 7, false},
		{"another at the reset", 7, "m9", 7, true},
	} {
		r := &record{
			records: &records{store: s}, room: "r1", last: bus.Position{Seq: 4}, tail: []store.Entry{at(5, "m5"), at(7, "m7")}, through: 7, floor: tt.floor,
		}
		if got, err := r.rewound(t.Context(), tt.seq, tt.id); err != nil || got != tt.want {
			t.Errorf("%s: %v, %v; want %v", tt.name, got, err, tt.want)
		}
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
