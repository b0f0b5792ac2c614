package store

import "context"

// Inboxes keeps how far users have read; see Store for what holds of its methods.
type Inboxes interface {
	// BeginRead says that a user's membership of a room begins: with the entry of the room's log at
	// a Seq, from where nothing up to from is new to the user. A position that is there moves on to
	// from, and never back; one that began with this entry, or a later one, stays.
	BeginRead(ctx context.Context, room, user string, at, from uint64) error
	// MoveReadBack says that a user has read a room no further than through a Seq.
	MoveReadBack(ctx context.Context, room, user string, seq uint64) error
	// PutReads is PutRead for several rooms of a user.
	PutReads(ctx context.Context, user string, reads map[string]uint64) error
	// Inbox returns what is new to a user in rooms, at most MaxInbox, in their order. Messages of
	// the user, and of those in hidden, do not count; an answer in a thread that is not broadcast
	// counts if it mentions the user.
	Inbox(ctx context.Context, user string, rooms, hidden []string) ([]Inbox, error)
	// PutRead remembers that a user has read a room through a Seq, and returns the largest so far.
	PutRead(ctx context.Context, room, user string, seq uint64) (uint64, error)
	// Reads returns how far a user has read each room.
	Reads(ctx context.Context, user string) (map[string]uint64, error)
}

// MentionLists keeps whom messages mention; see Store for what holds of its methods.
type MentionLists interface {
	// PutUnresolved notes messages of which it is not known yet whom they mention. One that is
	// noted already changes nothing.
	PutUnresolved(ctx context.Context, all []Unresolved) error
	// Unresolved returns those that were noted, those of a room together, at most limit.
	Unresolved(ctx context.Context, limit int) ([]Unresolved, error)
	// IsUnresolved reports whether messages of some rooms are noted.
	IsUnresolved(ctx context.Context, rooms []string) (bool, error)
	// PutMentions replaces whom a message mentions, and then forgets that it was noted.
	PutMentions(ctx context.Context, m Mentions, resolved []Unresolved) error
	// MentionsOf returns whom the message of a sender at a Seq mentions.
	MentionsOf(ctx context.Context, room string, seq uint64, sender string) (Mentions, error)
	// ShownMentions returns, of the messages of a room between two Seqs, both included, what pages
	// show of those that mention somebody: without Users and All.
	ShownMentions(ctx context.Context, room string, first, last uint64) ([]Mentions, error)
	// NextMention returns the Seq of the first message of a room after another that mentions a user
	// and that neither the user nor anybody in hidden has sent; 0: there is none.
	NextMention(ctx context.Context, user, room string, hidden []string, after uint64) (uint64, error)
	// RemoveMentions removes what is kept of the mentions of a room.
	RemoveMentions(ctx context.Context, room string) error
}

const (
	// MaxInbox is how many rooms an Inbox is asked for at once at most.
	MaxInbox = 500
	// MaxOwn is how many messages of the user's, and of hidden senders, are passed over at most to
	// count those of others. With more of them behind the position, there are More.
	MaxOwn = 1000
)

// Inbox is what is new to a user in a room.
type Inbox struct {
	Room         string
	Known        bool   // there is a read position
	Read         uint64 // it
	Through      uint64 // Seq of the last entry of the room that is kept; 0: there is none
	Unread       int    // messages after Read that count, up to chat.MaxUnread
	More         bool   // there are more, or may be
	FirstUnread  uint64 // Seq of the first of them; 0: there is none
	Mentions     int    // those that mention the user
	FirstMention uint64
	LastMention  uint64
	Last         *Entry // the newest message; nil: there is none
}

// Unresolved is a message of which it is not known whom it mentions since an entry was taken in:
// itself, or an edit or the deletion of it.
type Unresolved struct {
	Room   string `bson:"room"`
	Sender string `bson:"sender"`
	ID     string `bson:"id"`
	Seq    uint64 `bson:"seq"` // of that entry
}

// Name returns the name of the message.
func (u Unresolved) Name() Name { return Name{u.Sender, u.ID} }

// Mentions is whom a message mentions.
type Mentions struct {
	Room   string `bson:"room"`
	Seq    uint64 `bson:"seq"`
	Sender string `bson:"sender"`
	// Visible is what pages show: see chat.Message.
	Visible []string `bson:"shown"`
	// Names are how the text names the users in Visible, in their order. Of messages that were
	// resolved before this field was, there are none.
	Names []string `bson:"names,omitempty"`
	// Users are who is mentioned by name, and with @here who was online; All: all members, and then
	// there are no Users.
	Users []string `bson:"users"`
	All   bool     `bson:"all"`
	// OnlyInThread: the message is an answer in a thread that its room does not show.
	OnlyInThread bool `bson:"only_in_thread"`
}

// AddAnswers counts answers in threads that mention the user, whom nothing else in the room tells
// of them.
func (in *Inbox) AddAnswers(n int, first uint64) {
	if n > 0 {
		in.Unread += n
		if in.FirstUnread == 0 || first < in.FirstUnread {
			in.FirstUnread = first
		}
	}
}
