package directory

import (
	"encoding/json"
	"fmt"

	"hubbub.internal/libs/chat"
)

// EncodeChange returns the form of a change in the control log: the entry version byte and then its
// JSON.
func EncodeChange(c Change) ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode change: %w", err)
	}
	return append([]byte{chat.EntryVersion}, b...), nil
}

// DecodeChange returns the change of a control log entry. One of a kind that this release does not
// know is returned as it is.
func DecodeChange(data []byte) (Change, error) {
	var c Change
	if len(data) < 2 {
		return c, chat.ErrBadEntry
	}
	if err := json.Unmarshal(data[1:], &c); err != nil {
		return c, fmt.Errorf("%w: %w", chat.ErrBadEntry, err)
	}
	return c, nil
}
