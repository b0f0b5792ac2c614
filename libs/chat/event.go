package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// The types of the events that a room's log carries. Unknown types pass through every service
// unchanged, so that a newer release can add some.
const (
	TypeMsg     = "msg"     // a message: ID, User, Name, Text, ReplyTo
	TypeEdited  = "edited"  // Target has the new Text
	TypeDeleted = "deleted" // Target's content is gone
	TypeReacted = "reacted" // User put (On) or took back Emoji on Target
	TypePinned  = "pinned"  // User pinned (On) or unpinned Target
	TypeTopic   = "topic"   // the room's Name and Text (its topic) are now these
	TypeMember  = "member"  // Member's role in the room is now Role; empty: no longer a member
	TypeReset   = "reset"   // User has removed all that was said before this entry
	TypeInvited = "invited" // in a user's own room: the user is now a member of Target
	TypeRemoved = "removed" // in a user's own room: the user is no longer a member of Target
	// TypeModerated says what those who look after a room or the server have done: Act, with
	// Member, Until, Slow, Announce and the reason in Text. In a user's own room it is told to whom
	// it concerns, and Target is the room; empty: the whole server.
	TypeModerated = "moderated"
	TypeChanged   = "changed" // in a user's own room: the list Target of the user's is another now
	// TypeMentioned says that the message at At mentions (On), or does not mention any more: in a
	// user's own room that user, and Target is the message's room; in a room all its members.
	TypeMentioned = "mentioned"
)

// The lists that a TypeChanged event names.
const (
	ListBlocks      = "blocks"      // whom the user blocks and ignores: GET /v1/blocks
	ListRequests    = "requests"    // who wants to write to the user: GET /v1/requests
	ListInvitations = "invitations" // the rooms that the user is asked into: GET /v1/invitations
	ListInbox       = "inbox"       // how far the user has read: GET /v1/inbox
	ListThreads     = "threads"     // which threads the user follows: GET /v1/threads
	ListSaved       = "saved"       // what the user has saved: GET /v1/saved
	ListPreferences = "preferences" // how the user wants to be shown things: GET /v1/preferences
)

// Event is an entry of a room's log as clients see it. Which fields are set depends on Type; see
// PROTOCOL.md in libs/wire for each.
type Event struct {
	Type string `json:"type"`
	// position in the room's log; below 2^53, strictly increasing, not contiguous
	Seq  uint64 `json:"seq,omitempty"`
	Prev uint64 `json:"prev,omitempty"` // Seq of the entry before it in the room; 0 for the first
	Room string `json:"room"`
	ID   string `json:"id"`             // unique with Room and User; chosen by the sender
	User string `json:"user,omitempty"` // id of the user who caused it
	// that user's name at the time, or the room's name in a topic event
	Name string `json:"name,omitempty"`
	// UTC milliseconds of the edge's clock; for display only: Seq orders
	TS int64 `json:"ts"`

	Text string `json:"text,omitempty"`
	// ReplyTo and ReplyAuthor name the message that this one answers: its ID and its User. Without
	// ReplyAuthor, in entries of earlier releases and of their clients, the first message of the
	// room with that ID is meant.
	ReplyTo     string `json:"reply_to,omitempty"`
	ReplyAuthor string `json:"reply_author,omitempty"`
	// Thread names the root of the thread that a message is in, also of the message that a
	// mentioned event is about; zero: it is in none. The message is shown in its room, too, if it
	// is Broadcast.
	Thread    Thread `json:"thread,omitzero"`
	Broadcast bool   `json:"broadcast,omitempty"`
	// Target and Author name the message that an edited, deleted, reacted or pinned event is about:
	// its ID and its User. For entries of earlier releases, which lack Author, see AuthorOf.
	Target string `json:"target,omitempty"`
	Author string `json:"author,omitempty"`
	Emoji  string `json:"emoji,omitempty"`
	On     bool   `json:"on,omitempty"`
	Member string `json:"member,omitempty"`
	Role   string `json:"role,omitempty"`
	// From says that the membership of a member event begins, and through which Seq of the room
	// there is nothing new to the member: at least 1. 0: the role has changed, or an earlier
	// release has appended the entry.
	From uint64 `json:"from,omitempty"`
	At   uint64 `json:"at,omitempty"` // Seq of the message that a mentioned event is about
	// Imported says that an entry comes from another product's export, with the author and the time
	// that it had there: nobody is notified of it. nil: it was sent here.
	Imported *Imported `json:"imported,omitempty"`

	// Of a moderated event.
	Act        string `json:"act,omitempty"`
	MemberName string `json:"member_name,omitempty"`
	Until      int64  `json:"until,omitempty"`    // UTC milliseconds; 0: until it is lifted
	Slow       int    `json:"slow,omitempty"`     // seconds between two messages of a member
	Announce   string `json:"announce,omitempty"` // who may send: see the directory's rooms
}

// Imported is what is known of an imported entry besides.
type Imported struct {
	From string `json:"from"` // the product: slack or mattermost
	// Mentions are whom a message mentions, as in Message: its names were another server's.
	Mentions []string `json:"mentions,omitempty"`
}

// Thread names a thread by its root: the message's User and ID.
type Thread struct {
	Author string `json:"author"`
	ID     string `json:"id"`
}

// OnlyInThread reports whether a message is an answer in a thread that its room does not show.
func (e *Event) OnlyInThread() bool { return e.Thread != Thread{} && !e.Broadcast }

// About reports whether events of a type are about a message, which Target and Author name.
func About(kind string) bool {
	switch kind {
	case TypeEdited, TypeDeleted, TypeReacted, TypePinned:
		return true
	}
	return false
}

// AuthorOf returns the author of the message that an entry is about, as far as the entry says it:
// also one of an earlier release, if it is an edit, since only its author edits a message. Empty:
// the first message of the room with the ID Target is meant, which is what those releases checked.
func (e *Event) AuthorOf() string {
	if e.Author == "" && e.Type == TypeEdited {
		return e.User
	}
	return e.Author
}

// The acts of moderated events.
const (
	ActMute   = "mute"   // Member may not write until Until, because of Text
	ActBan    = "ban"    // Member was put out and may not come back until Until, because of Text
	ActUnban  = "unban"  // Member may come back
	ActRemove = "remove" // Member was put out, because of Text, and may come back
	ActRole   = "role"   // Member's role is Role now
	ActUnmute = "unmute" // Member may write again
	ActRules  = "rules"  // the room's rules are now Slow and Announce

	ActArchive = "archive" // the room is read only from now on, and out of the lists
	ActReset   = "reset"   // all that was said before was removed
	ActRestore = "restore" // the room is as any other again
	// the room lets no guests in from now on, and those who were in it have left
	ActNoGuests = "no-guests"
	ActGuests   = "guests" // it lets guests in again

	// earlier versions of messages are shown to nobody from now on
	ActNoVersions = "no-versions"
	ActVersions   = "versions" // they are shown again, of what is written from now on

	// messages are kept as Text says from now on: a rule of package retention
	ActRetention = "retention"

	// Member's messages are being deleted, those from Until on, because of Text; without Until all
	ActPurge = "purge"
	// in the user's own room: a message of Target was reported, which the user looks after
	ActReport = "report"
	// in the user's own room: a report of the user's about Target is resolved; Text is what came of
	// it
	ActResolved = "resolved"

	// in a user's own room: Target, which was called Text, is gone with all that was said there
	ActDelete = "delete"
)

// Forever is a time that never comes, in UTC milliseconds: the end of what has none, where a time
// is wanted. It is the largest integer that JavaScript reads exactly.
const Forever = 1<<53 - 1

// Message is a message as history keeps it: the msg event with what later events did to it.
type Message struct {
	Event
	EditedTS int64 `json:"edited_ts,omitempty"` // UTC milliseconds of the last edit
	Deleted  bool  `json:"deleted,omitempty"`   // Text is then empty
	Pinned   bool  `json:"pinned,omitempty"`
	// PinnedBy is the id of who pinned it, and PinnedTS when, in UTC milliseconds; empty and 0 of
	// what was pinned before the record said so.
	PinnedBy string `json:"pinned_by,omitempty"`
	PinnedTS int64  `json:"pinned_ts,omitempty"`
	// emoji to the ids of the users who put it, in order
	Reactions map[string][]string `json:"reactions,omitempty"`
	// Replies is what is known of the thread whose root the message is; nil: there is none.
	Replies *Replies `json:"replies,omitempty"`
	// Mentions are whom the message mentions: ids of users, MentionsRoom and MentionsHere.
	Mentions []string `json:"mentions,omitempty"`
	// MentionNames are how the text names those users, in their order. A record that was made
	// before this field was lacks them.
	MentionNames []string `json:"mention_names,omitempty"`
}

// MaxReplies is up to how many answers of a thread are counted; more than those are More.
const MaxReplies = 999

// Replies is what a root says of its thread: of the answers that are not deleted.
type Replies struct {
	Count int      `json:"count" doc:"Answers, up to 999."`
	More  bool     `json:"more,omitempty" doc:"There are more than count."`
	Users []string `json:"users" doc:"Ids of the last who answered, at most 5, the last first."`
	Last  uint64   `json:"last" doc:"The seq of the last answer."`
	TS    int64    `json:"last_ts" doc:"Its time, in UTC milliseconds."`
}

// EntryVersion is the first byte of every log entry that this release writes. Release N reads the
// entries of N-1 and N+1: a higher version may add fields and types, and nothing else.
const EntryVersion = 1

// ErrBadEntry is returned for log data that is not an entry.
var ErrBadEntry = errors.New("not a log entry")

// AppendEntry appends the log form of e to dst and returns the extended slice: the version byte and
// then the event's JSON without Seq and Prev, which only the log knows. Whoever delivers the entry
// splices those two in with AppendFrame.
func AppendEntry(dst []byte, e Event) ([]byte, error) {
	e.Seq, e.Prev = 0, 0
	b, err := json.Marshal(e)
	if err != nil {
		return dst, fmt.Errorf("encode entry: %w", err)
	}
	return append(append(dst, EntryVersion), b...), nil
}

// AppendFrame appends the client's form of a log entry to dst: the event's JSON with seq and prev
// inserted at its start. It allocates nothing when dst has room. The data is not parsed: it was
// written by AppendEntry or by a newer release's. Of what was not, or not to its end, only the ends
// are looked at.
func AppendFrame(dst, data []byte, seq, prev uint64) ([]byte, error) {
	fields, err := fieldsOf(data)
	if err != nil {
		return dst, err
	}
	dst = append(dst, `{"seq":`...)
	dst = strconv.AppendUint(dst, seq, 10)
	dst = append(dst, `,"prev":`...)
	dst = strconv.AppendUint(dst, prev, 10)
	if len(fields) > 0 {
		dst = append(dst, ',')
	}
	return append(append(dst, fields...), '}'), nil
}

// AppendMessage appends a message as history gives it to clients: the JSON of a msg entry with its
// seq and, where they are true of it, Pinned, with who did it and when, and Reactions of done. That
// is not parsed, as in AppendFrame.
func AppendMessage(dst, data []byte, seq uint64, done Message) ([]byte, error) {
	fields, err := fieldsOf(data)
	if err != nil {
		return dst, err
	}
	dst = strconv.AppendUint(append(dst, `{"seq":`...), seq, 10)
	if len(fields) > 0 {
		dst = append(append(dst, ','), fields...)
	}
	if done.Pinned {
		dst = append(dst, `,"pinned":true`...)
	}
	if done.Pinned && done.PinnedBy != "" {
		dst = append(append(append(dst, `,"pinned_by":"`...), done.PinnedBy...), `","pinned_ts":`...)
		dst = strconv.AppendInt(dst, done.PinnedTS, 10)
	}
	if len(done.Reactions) > 0 {
		b, err := json.Marshal(done.Reactions)
		if err != nil {
			return dst, fmt.Errorf("encode reactions: %w", err)
		}
		dst = append(append(dst, `,"reactions":`...), b...)
	}
	return append(dst, '}'), nil
}

// fieldsOf returns what stands between the braces of a log entry's JSON.
func fieldsOf(data []byte) ([]byte, error) {
	if len(data) < 3 || data[1] != '{' {
		return nil, ErrBadEntry
	}
	rest := bytes.TrimSpace(data[2:])
	if len(rest) == 0 || rest[len(rest)-1] != '}' {
		return nil, ErrBadEntry
	}
	return bytes.TrimRight(rest[:len(rest)-1], " \t\r\n"), nil
}

// DecodeEntry returns the event of a log entry, with the given position.
func DecodeEntry(data []byte, seq, prev uint64) (Event, error) {
	if len(data) < 3 || data[1] != '{' {
		return Event{}, ErrBadEntry
	}
	var e Event
	if err := json.Unmarshal(data[1:], &e); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrBadEntry, err)
	}
	e.Seq, e.Prev = seq, prev
	return e, nil
}
