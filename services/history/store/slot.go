package store

import (
	"encoding/json"

	"hubbub.internal/libs/chat"
)

// SlotOf returns what an entry about a message sets of it, and whether it leaves that empty, so that the entry need not be
// looked at: the text, whether it is deleted, whether it is pinned, or one user's reaction with one emoji. The slot is empty for
// an entry that sets nothing.
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
