package store

import (
	"encoding/json"

	"hubbub.internal/libs/chat"
)

// SlotOf returns the property of a message that an entry about it sets: the text, whether it is deleted, whether it is pinned, or
// one user's reaction with one emoji. empties: the entry leaves that property empty, so nobody needs to read the entry. The slot is
// empty for an entry that sets nothing.
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
