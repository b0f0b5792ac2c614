package store

import (
	"encoding/json"
	"strings"

	"hubbub.internal/libs/chat"
)

// SlotOf returns the property of a message that an entry about it sets: the text, whether it is
// deleted, whether it is pinned, or one user's reaction with one emoji. empties: the entry leaves
// that property empty, so nobody needs to read the entry. The slot is empty for an entry that sets
// nothing.
func SlotOf(e Entry) (slot string, empties bool) {
	switch e.Type {
	case chat.TypeEdited, chat.TypeDeleted:
		return e.Type, false
	case chat.TypePinned, chat.TypeReacted:
	default:
		return "", false
	}
	var said struct {
		Emoji string `json:"emoji"`
		On    bool   `json:"on"`
	}
	if len(e.Data) < 2 || json.Unmarshal(e.Data[1:], &said) != nil {
		return "", false
	}
	if e.Type == chat.TypePinned {
		return e.Type, !said.On
	}
	return e.Type + ":" + e.Sender + ":" + said.Emoji, !said.On
}

// EventOf returns what an entry about a message does to it: the event, as far as that says it.
// Where the slot says all, Data is not parsed.
func EventOf(e Entry) (chat.Event, error) {
	switch {
	case e.Type == chat.TypeDeleted, e.Type == chat.TypePinned && e.Slot != "" && e.Past:
		return chat.Event{Type: e.Type, User: e.Sender, On: !e.Past}, nil
	case e.Type == chat.TypeReacted:
		if emoji, ok := strings.CutPrefix(e.Slot, e.Type+":"+e.Sender+":"); ok {
			return chat.Event{Type: e.Type, User: e.Sender, Emoji: emoji, On: !e.Past}, nil
		}
	}
	event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
	if err != nil && e.Type == chat.TypePinned && e.Slot != "" {
		return chat.Event{Type: e.Type, User: e.Sender, On: true}, nil // it does not say when
	}
	return event, err
}
