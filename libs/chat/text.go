package chat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// WithText returns the data of a msg or edited entry with another text, or without one if that is
// empty. All its other fields stay, also those that this release does not know.
func WithText(data []byte, text string) ([]byte, error) {
	if len(data) < 3 || data[1] != '{' {
		return nil, ErrBadEntry
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data[1:], &fields); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadEntry, err)
	}
	if text == "" {
		delete(fields, "text")
	} else {
		literal, err := json.Marshal(text)
		if err != nil {
			return nil, fmt.Errorf("encode text: %w", err)
		}
		fields["text"] = literal
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode entry: %w", err)
	}
	return append([]byte{data[0]}, b...), nil
}

// TypeOf returns the type of the event of a log entry; empty: it is none. What AppendEntry has made
// costs no allocation.
func TypeOf(data []byte) string {
	const start = `{"type":"`
	if len(data) < 3 {
		return ""
	}
	if rest, ok := bytes.CutPrefix(data[1:], []byte(start)); ok {
		for _, kind := range [...]string{TypeMsg, TypeEdited, TypeDeleted, TypeReacted, TypePinned, TypeTopic, TypeMember, TypeReset} {
			if len(rest) > len(kind) && rest[len(kind)] == '"' && string(rest[:len(kind)]) == kind {
				return kind
			}
		}
	}
	var head struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(data[1:], &head) != nil {
		return ""
	}
	return head.Type
}

// Texts are the texts that messages of a room have, as far as edits and deletions say it that are
// known. Whoever gives out log entries goes through them, so that nobody gets a text that was
// replaced or deleted.
type Texts map[texted]textAt

type texted struct{ author, id string }

type textAt struct {
	seq     uint64 // of the last edit
	text    string
	deleted bool
}

// Add takes an edit or a deletion into account; anything else changes nothing. Of an entry of an
// earlier release that does not say the author of its message, author does; empty: nobody knows it,
// and the entry changes nothing.
func (t Texts) Add(author string, seq uint64, data []byte) error {
	kind := TypeOf(data)
	if kind != TypeEdited && kind != TypeDeleted {
		return nil
	}
	e, err := DecodeEntry(data, seq, 0)
	if err != nil {
		return err
	}
	name := texted{cmp.Or(author, e.AuthorOf()), e.Target}
	if name.author == "" {
		return nil
	}
	now := t[name]
	switch {
	case kind == TypeDeleted:
		now.deleted = true
	case seq >= now.seq:
		now.seq, now.text = seq, e.Text
	}
	t[name] = now
	return nil
}

// Revise returns the data of an entry with the text that counts: a message that was edited has that
// of its last edit, and neither an earlier edit nor anything of a message that was deleted has one.
// It returns data itself where nothing is known.
func (t Texts) Revise(sender, id string, seq uint64, data []byte) ([]byte, error) {
	if len(t) == 0 {
		return data, nil
	}
	kind := TypeOf(data)
	switch kind {
	case TypeMsg:
	case TypeEdited:
		e, err := DecodeEntry(data, seq, 0)
		if err != nil {
			return nil, err
		}
		id = e.Target
	default:
		return data, nil
	}
	now, ok := t[texted{sender, id}]
	switch {
	case !ok || kind == TypeEdited && !now.deleted && seq >= now.seq:
		return data, nil
	case kind == TypeEdited || now.deleted:
		return WithText(data, "")
	}
	return WithText(data, now.text)
}

// FirstCharacters returns the first characters of a text, at most most of them: code points, not
// bytes.
func FirstCharacters(text string, most int) string {
	if len(text) <= most {
		return text
	}
	n := 0
	for i := range text {
		if n == most {
			return text[:i]
		}
		n++
	}
	return text
}

// FirstBytes returns the longest beginning of a text that has at most most bytes and does not end
// within a character.
func FirstBytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
