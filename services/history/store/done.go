package store

import (
	"encoding/json"
	"fmt"
	"slices"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/emoji"
)

// Done is what entries about a message did to it.
type Done struct {
	Through uint64 // Seq of the last of them; 0: there are none
	Deleted bool
	// Members are what they have set of a chat.Message: members of its JSON, without the braces.
	// Empty: nothing.
	Members []byte
}

// members are those of a chat.Message that entries about it set.
type members struct {
	Text      string              `json:"text,omitempty"`
	EditedTS  int64               `json:"edited_ts,omitempty"`
	Deleted   bool                `json:"deleted,omitempty"`
	Pinned    bool                `json:"pinned,omitempty"`
	PinnedBy  string              `json:"pinned_by,omitempty"`
	PinnedTS  int64               `json:"pinned_ts,omitempty"`
	Reactions map[string][]string `json:"reactions,omitempty"`
}

// Message returns a message of which only those fields are set that Members have.
func (d *Done) Message() (chat.Message, error) {
	var m members
	if err := json.Unmarshal(slices.Concat([]byte("{"), d.Members, []byte("}")), &m); err != nil {
		return chat.Message{}, fmt.Errorf("what was done to a message: %w", err)
	}
	return chat.Message{
		Event: chat.Event{Text: m.Text}, EditedTS: m.EditedTS, Deleted: m.Deleted, Pinned: m.Pinned, PinnedBy: m.PinnedBy, PinnedTS: m.PinnedTS, Reactions: m.Reactions,
	}, nil
}

// Add adds what one more entry, which comes after all others, did.
func (d *Done) Add(e Entry) error {
	event, err := EventOf(e)
	if err != nil {
		return fmt.Errorf("entry %d of room %s: %w", e.Seq, e.Room, err)
	}
	m, err := d.Message()
	if err != nil {
		return err
	}
	Change(&m, event)
	b, err := json.Marshal(members{m.Text, m.EditedTS, m.Deleted, m.Pinned, m.PinnedBy, m.PinnedTS, m.Reactions})
	if err != nil {
		return fmt.Errorf("encode what was done to a message: %w", err)
	}
	d.Through, d.Deleted, d.Members = max(d.Through, e.Seq), m.Deleted, b[1:len(b)-1]
	return nil
}

// Change does to a message what an event says. Events come in order.
func Change(m *chat.Message, e chat.Event) {
	if m.Deleted {
		return
	}
	switch e.Type {
	case chat.TypeEdited:
		m.Text, m.EditedTS = e.Text, e.TS
	case chat.TypeDeleted:
		m.Text, m.EditedTS, m.Deleted, m.Reactions = "", 0, true, nil
		m.Pinned, m.PinnedBy, m.PinnedTS = false, "", 0
	case chat.TypePinned:
		m.Pinned, m.PinnedBy, m.PinnedTS = e.On, "", 0
		if e.On {
			m.PinnedBy, m.PinnedTS = e.User, e.TS
		}
	case chat.TypeReacted:
		// One emoji with U+FE0F and without is one reaction. What an earlier release let through
		// and is no emoji stays as it is.
		e.Emoji, _ = emoji.Normal(e.Emoji)
		// In the order in which they last put it: the record reads the last of each alone.
		who := slices.DeleteFunc(m.Reactions[e.Emoji], func(user string) bool { return user == e.User })
		if e.On {
			who = append(who, e.User)
		}
		switch {
		case len(who) == 0:
			delete(m.Reactions, e.Emoji)
		case m.Reactions == nil:
			m.Reactions = map[string][]string{e.Emoji: who}
		default:
			m.Reactions[e.Emoji] = who
		}
	}
}
