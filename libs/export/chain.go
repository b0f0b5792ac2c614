// Package export is the file form of a copy of a room, or of what a person has said: lines of JSON
// that are chained by their hashes, so that anybody can check that no line was changed, added,
// removed or moved since the copy was made; and a page of HTML of it that opens offline.
//
// Every line is an object whose first member is its hash:
//
//	{"hash":"<64 hexadecimal digits>","message":{…}}
//
// The hash is the SHA-256 of the hash of the line before, as 32 bytes (of the first line: 32 zero
// bytes), followed by the bytes of the line without its member "hash" and without the end of line:
// here {"message":{…}}. The first line is a Head, the last one an End, which has the numbers of the
// lines between them. Lines of a kind that a reader does not know are counted and passed over.
package export

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Version is the version of the form that this release writes. A higher one may add members and
// kinds of lines.
const Version = 1

// The kinds of lines: the name of the member behind the hash.
const (
	KindHead    = "export"  // Head
	KindMember  = "member"  // Member
	KindMessage = "message" // a chat.Message
	KindVersion = "version" // MessageVersion: what a message before it said earlier
	KindAct     = "act"     // a chat.Event of moderation
	KindHeld    = "held"    // an entry of the log that a legal hold has kept, as it was
	KindEnd     = "end"     // End
)

// Head is the first line: of what the copy is, who made it, and when.
type Head struct {
	Version int    `json:"version"`
	At      int64  `json:"at"` // UTC milliseconds
	By      string `json:"by"` // name of the user who made it
	// one of the two
	Room   *Room   `json:"room,omitempty"`
	Person *Person `json:"person,omitempty"`
	// Removed is the beginning of a room that was gone when it was copied; nil: none.
	Removed *Removed `json:"removed,omitempty"`
	// Hold is the legal hold whose entries were copied; nil: it is another copy.
	Hold *Hold `json:"hold,omitempty"`
}

// Hold is the legal hold of a copy of what was removed or replaced.
type Hold struct {
	ID      string `json:"id"`
	Reason  string `json:"reason"`
	By      string `json:"by"`      // name of who made it
	Created int64  `json:"created"` // UTC milliseconds
}

// Removed is what the rule of how long messages are kept had taken of a room.
type Removed struct {
	Through  uint64 `json:"through"`  // seq of the last entry that was gone
	Messages int64  `json:"messages"` // how many messages, about
}

// Room is the room that was copied.
type Room struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Topic   string `json:"topic,omitempty"`
	Private bool   `json:"private,omitempty"`
	Direct  bool   `json:"direct,omitempty"`
	Created int64  `json:"created,omitempty"` // UTC milliseconds
}

// Person is the user whose messages were copied.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Member is a member of the room, when the copy was made.
type Member struct {
	User  string `json:"user"`
	Name  string `json:"name"`
	Role  string `json:"role"`
	Since int64  `json:"since,omitempty"` // UTC milliseconds
}

// MessageVersion is an earlier text of a message, which stands before it; the last one comes first.
type MessageVersion struct {
	Room string `json:"room"`
	User string `json:"user"` // the author of the message
	ID   string `json:"id"`   // of the message
	Seq  uint64 `json:"seq"`  // of the message, or of the edit
	TS   int64  `json:"ts"`   // UTC milliseconds
	Text string `json:"text,omitempty"`
	Lost bool   `json:"lost,omitempty"` // a release that kept no versions has removed the text
}

// End is the last line: how many lines of each kind there are before it.
type End struct {
	Lines map[string]int `json:"lines"`
}

// State is how far a chain is. The zero State is that of an empty one. It is of use to whoever
// makes a copy in several requests.
type State struct {
	Hash  Hash           `json:"hash"`
	Lines map[string]int `json:"lines,omitempty"` // by kind
}

// Hash is the hash of a line. Its text form has 64 hexadecimal digits.
type Hash [sha256.Size]byte

// String returns the text form.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return errors.New("a hash has 64 hexadecimal digits")
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Add returns the next line, without an end of line: one of a kind, with a content that encodes to
// JSON. A line has no line break: encoding/json escapes those in texts.
func (s *State) Add(kind string, content any) (json.RawMessage, error) {
	value, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encode a line of an export: %w", err)
	}
	body := fmt.Appendf(nil, `{%q:%s}`, kind, value)
	s.Hash = s.Hash.next(body)
	if s.Lines == nil {
		s.Lines = map[string]int{}
	}
	s.Lines[kind]++
	return append(append(fmt.Appendf(nil, `%s%s`, hashMember, s.Hash), `",`...), body[1:]...), nil
}

// End returns the last line.
func (s *State) End() (json.RawMessage, error) { return s.Add(KindEnd, End{Lines: s.Lines}) }

func (h Hash) next(body []byte) (n Hash) {
	sum := sha256.New()
	sum.Write(h[:])
	sum.Write(body)
	sum.Sum(n[:0])
	return n
}

const hashMember = `{"hash":"`

// split returns the hash of a line, and the line without it.
func split(line []byte) (h Hash, body []byte, err error) {
	rest, ok := bytes.CutPrefix(line, []byte(hashMember))
	if digits := hex.EncodedLen(len(h)); !ok || len(rest) < digits+3 || string(rest[digits:digits+2]) != `",` || h.UnmarshalText(rest[:digits]) != nil {
		return h, nil, errors.New("it does not begin with a hash: it is not a line of an export")
	}
	return h, append([]byte("{"), rest[hex.EncodedLen(len(h))+2:]...), nil
}
