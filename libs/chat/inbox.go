package chat

// InboxText is how many characters of the last message's text an InboxRoom has at most.
const InboxText = 200

// MaxUnread is up to how many unread messages an InboxRoom counts; more than those are More.
const MaxUnread = 99

// InboxRoom is a room of a user's with what is new there.
type InboxRoom struct {
	Room string       `json:"room"`
	Last *InboxLatest `json:"last,omitempty" doc:"The newest message; left out: there is none."`
	// Read and Through are Seqs of the room.
	Read    uint64 `json:"read" doc:"How far you have read."`
	Through uint64 `json:"through" doc:"What came after this seq is not counted yet: it comes over the WebSocket."`
	Unread  int    `json:"unread" doc:"Messages of others after read that are not deleted, up to 99."`
	More    bool   `json:"more,omitempty" doc:"There are more than unread."`
	// a mention of @room and of @here counts, too
	Mentions     int    `json:"mentions" doc:"How many of the unread messages mention you; also of those beyond 99."`
	FirstUnread  uint64 `json:"first_unread,omitempty" doc:"The seq of the first unread message; left out: there is none."`
	FirstMention uint64 `json:"first_mention,omitempty" doc:"The seq of the first unread message that mentions you."`
	Mentioned    int64  `json:"mentioned,omitempty" doc:"When the last of those was sent, in UTC milliseconds; only services are told."`
}

// InboxLatest is the newest message of a room.
type InboxLatest struct {
	Seq     uint64 `json:"seq"`
	ID      string `json:"id"`
	User    string `json:"user"`
	Name    string `json:"name"`
	TS      int64  `json:"ts" doc:"UTC milliseconds."`
	Text    string `json:"text,omitempty" doc:"Its first 200 characters."`
	Deleted bool   `json:"deleted,omitempty"`
}

// What stands in Message.Mentions beside ids of users.
const (
	MentionsRoom = "@room" // all members
	MentionsHere = "@here" // those who were online
)
