package history

import (
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
)

// TestInboxSaysWhenMentionsWere: whoever asks is told when the last one was, however much was said
// after it.
func TestInboxSaysWhenMentionsWere(t *testing.T) {
	w := open(t)
	w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1", "r2")}, names: []string{"bob"}})
	w.joins("r1", "bob", "bob")
	w.joins("r2", "bob", "bob")
	w.say("r1", "ann", "m1", "@bob?")
	last := w.say("r1", "ann", "m2", "@bob!")
	w.say("r1", "ann", "m3", "well")
	w.say("r2", "ann", "m1", "hello")
	got, err := w.api.Inbox(t.Context(), historyapi.InboxRequest{User: "bob", Mentioned: true})
	if err != nil {
		t.Fatal(err)
	}
	var want int64
	for _, m := range w.page(historyapi.PageRequest{Room: "r1", Around: last, Limit: 20}).Messages {
		if m.Seq == last {
			want = m.TS
		}
	}
	is(t, "mentions", []int{got.Rooms[0].Mentions, got.Rooms[1].Mentions}, []int{2, 0})
	is(t, "the last was", []int64{got.Rooms[0].Mentioned, got.Rooms[1].Mentioned}, []int64{want, 0})
	is(t, "unless it is asked", w.inboxNow("bob")["r1"].Mentioned, int64(0))
}
