package history

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// TestSlotsSayWhatEventsDo shows that what a page reads of an entry about a message, without its
// JSON, is what its event says.
func TestSlotsSayWhatEventsDo(t *testing.T) {
	for _, e := range []chat.Event{
		{Type: chat.TypeEdited, Text: "two", TS: 7},
		{Type: chat.TypeDeleted},
		{Type: chat.TypePinned, On: true},
		{Type: chat.TypePinned},
		{Type: chat.TypeReacted, Emoji: "👍", On: true},
		{Type: chat.TypeReacted, Emoji: "a:b", On: true},
		{Type: chat.TypeReacted, Emoji: "👍"},
	} {
		e.Room, e.User, e.ID, e.Target, e.Author = "r1", "ann", "x", "m1", "bob"
		data, err := chat.AppendEntry(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		entry, err := entryOf(bus.Entry{Room: "r1", Seq: 9, Sender: "ann", ID: "x", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		before := func() *chat.Message {
			return &chat.Message{Pinned: !e.On, Reactions: map[string][]string{"👍": {"ann", "bob"}}}
		}
		// as this release keeps it, and the one before slots
		for _, kept := range []bool{true, false} {
			if !kept {
				entry.Slot = ""
			}
			got, err := store.EventOf(entry)
			if err != nil {
				t.Fatal(err)
			}
			a, b := before(), before()
			store.Change(a, e)
			store.Change(b, got)
			if d := cmp.Diff(a, b); d != "" {
				t.Errorf("%+v, with its slot %v: want - got +\n%s", e, kept, d)
			}
		}
	}
}

// TestChange does to a message what events say, in order.
func TestChange(t *testing.T) {
	edit := chat.Event{Type: chat.TypeEdited, Text: "two", TS: 7}
	gone := chat.Event{Type: chat.TypeDeleted}
	pin := chat.Event{Type: chat.TypePinned, On: true}
	react := func(user, emoji string, on bool) chat.Event {
		return chat.Event{Type: chat.TypeReacted, User: user, Emoji: emoji, On: on}
	}
	for name, tt := range map[string]struct {
		events []chat.Event
		want   string
	}{
		"edited":                       {[]chat.Event{edit}, `{"text":"two","edited_ts":7}`},
		"edited twice":                 {[]chat.Event{{Type: chat.TypeEdited, Text: "x", TS: 9}, edit}, `{"text":"two","edited_ts":7}`},
		"deleted":                      {[]chat.Event{edit, pin, react("ann", "a", true), gone}, `{"deleted":true}`},
		"changed after its deletion":   {[]chat.Event{gone, edit, pin, react("ann", "a", true)}, `{"deleted":true}`},
		"pinned":                       {[]chat.Event{pin}, `{"text":"one","pinned":true}`},
		"pinned and not":               {[]chat.Event{pin, {Type: chat.TypePinned}}, `{"text":"one"}`},
		"reacted to":                   {[]chat.Event{react("ann", "a", true), react("bob", "a", true), react("ann", "b", true), react("ann", "a", true)}, `{"text":"one","reactions":{"a":["bob","ann"],"b":["ann"]}}`},
		"one of two taken back":        {[]chat.Event{react("ann", "a", true), react("bob", "a", true), react("ann", "a", false)}, `{"text":"one","reactions":{"a":["bob"]}}`},
		"the other of two taken back":  {[]chat.Event{react("ann", "a", true), react("bob", "a", true), react("bob", "a", false)}, `{"text":"one","reactions":{"a":["ann"]}}`},
		"one taken back, not another":  {[]chat.Event{react("ann", "a", true), react("ann", "b", true), react("ann", "a", false)}, `{"text":"one","reactions":{"b":["ann"]}}`},
		"taken back, never given":      {[]chat.Event{react("bob", "a", true), react("ann", "a", false), react("bob", "b", false)}, `{"text":"one","reactions":{"a":["bob"]}}`},
		"something else happened":      {[]chat.Event{{Type: chat.TypeTopic, Text: "x"}}, `{"text":"one"}`},
		"taken back, and given again":  {[]chat.Event{react("ann", "a", true), react("ann", "a", false), react("ann", "a", true)}, `{"text":"one","reactions":{"a":["ann"]}}`},
		"taken back by all who had it": {[]chat.Event{react("ann", "a", true), react("ann", "a", false)}, `{"text":"one"}`},
	} {
		m := chat.Message{Event: chat.Event{Text: "one"}}
		for _, e := range tt.events {
			store.Change(&m, e)
		}
		got, err := json.Marshal(struct {
			Text      string              `json:"text,omitempty"`
			EditedTS  int64               `json:"edited_ts,omitempty"`
			Pinned    bool                `json:"pinned,omitempty"`
			Deleted   bool                `json:"deleted,omitempty"`
			Reactions map[string][]string `json:"reactions,omitempty"`
		}{m.Text, m.EditedTS, m.Pinned, m.Deleted, m.Reactions})
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, tt.want)
		}
	}
}
