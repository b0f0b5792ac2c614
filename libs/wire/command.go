package wire

import (
	"unicode/utf8"

	"hubbub.internal/libs/chat"
)

// MaxEmoji is the greatest size of a reaction, in bytes of UTF-8.
const MaxEmoji = 64

// Limits of the number of messages that history may be asked for.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

const maxSeq = 1<<53 - 1 // bus.MaxSeq, which this package does not import

// Command is a decoded command. Only the fields that PROTOCOL.md names for its Kind are set. Its
// slices are views into the frame, or into the Command itself: they are valid until either is
// reused. Keep one Command per goroutine and decode into it again and again; it must not be copied.
type Command struct {
	Kind Kind

	ID      []byte // request id; nil: none was given
	Room    []byte
	MsgID   []byte
	ReplyTo []byte // nil: not a reply
	Target  []byte
	// ReplyAuthor and Author are the authors of the messages with the ids ReplyTo and Target; nil:
	// not given.
	ReplyAuthor, Author []byte
	// ThreadAuthor and ThreadID name the root of a thread; nil: it is about none.
	ThreadAuthor, ThreadID []byte

	Token  []byte // nil: not given
	Device []byte // one of web, phone, desktop, bot; nil: not given
	Status []byte // one of online, idle, dnd, invisible
	Next   []byte // of who: where the list of people goes on; nil: not given
	Emoji  []byte // unescaped, 1 to MaxEmoji bytes

	// the JSON string literal from the frame, quotes included; see AppendText
	Text    []byte
	TextLen int // length of the text in bytes of UTF-8, at least 1

	HasAfter bool   // join: After and AfterID are a position, which may be 0
	After    uint64 // join and history
	AfterID  []byte // nil: any id
	Before   uint64
	Around   uint64
	Oldest   bool // history: after is 0, and not absent: from the first message on
	Seq      uint64

	Limit   int // DefaultLimit if the frame has none
	Version int
	On      bool
	Retry   bool // of send: the message may be in the log already
	// of send: the answer in a thread is shown in its room, too
	Broadcast bool

	// of join: the list of rooms as it stands in the frame; nil: Room is the only one. See EachRoom
	Rooms []byte

	named  fields // fields that the frame has
	found  fields // those with a value other than null
	wrong  fields // found fields with an invalid value
	twice  fields // fields that the frame has twice
	object bool   // after is an object
	emoji  [MaxEmoji]byte
}

// Errors of whole frames. Each call of Decode returns these very values, so they may be compared.
var (
	// ErrNotUTF8 is returned for a frame that is not UTF-8; RFC 6455 section 8.1 demands that the
	// edge closes the connection.
	ErrNotUTF8 = chat.E(chat.CodeBadJSON, "the frame is not UTF-8")

	errNotJSON   = chat.E(chat.CodeBadJSON, "the frame is not one JSON object")
	errTooDeep   = chat.E(chat.CodeBadJSON, "the frame nests objects or lists more than 32 levels deep")
	errUnknown   = chat.E(chat.CodeUnknownCommand, "the type is none that this server knows")
	errReserved  = chat.E(chat.CodeForbidden, "room ids that begin with _ are reserved")
	errEmoji     = chat.E(chat.CodeBadRequest, "react: emoji is one emoji")
	errRooms     = chat.E(chat.CodeBadRequest, "join takes a room with its after, or rooms, each with its own")
	errBroadcast = chat.E(chat.CodeBadRequest, "send: broadcast is for an answer in a thread")
	errPages     = chat.E(chat.CodeBadRequest, "history takes at most one of before, after and around")
)

// Decode reads the command of a text frame into c. It checks that the whole frame is one JSON
// object (RFC 8259) in valid UTF-8, also where the protocol ignores it. Its error is a *chat.Error
// that was made beforehand; c then has the Kind, the ID, and for Send the Room and MsgID, as far as
// they are valid, for the error event.
//
// A field that the protocol names for the command may appear in the frame only once, since nobody
// could say which of two is meant. null counts as absent. Ids, types, tokens and other names are
// accepted only without escapes: none of their characters needs one.
//
// Decode allocates nothing and keeps nothing of the frame but the views in c. It may be called for
// different Commands from different goroutines.
func (c *Command) Decode(frame []byte) error {
	*c = Command{Limit: DefaultLimit}
	if err := c.whole(frame); err != nil {
		return err
	}
	return c.judge()
}

// whole reads the fields of a text that is one object.
func (c *Command) whole(text []byte) error {
	s := scanner{b: text}
	if c.object0(&s) && s.next() == 0 && s.i == len(s.b) {
		return nil
	}
	*c = Command{}
	switch {
	case s.deep:
		return errTooDeep
	case !utf8.Valid(text):
		return ErrNotUTF8
	}
	return errNotJSON
}

// judge applies the rules of the command's kind. When the command breaks one, it keeps only the
// fields that the error event repeats.
func (c *Command) judge() error {
	err := c.check()
	if err != nil {
		*c = Command{Kind: c.Kind, ID: c.ID, Room: c.Room, MsgID: c.MsgID}
		if c.Kind != Send {
			c.Room, c.MsgID = nil, nil
		}
	}
	return err
}

// object0 reads an object of fields: the frame's, or one of the rooms of join.
func (c *Command) object0(s *scanner) bool {
	if s.next() != '{' {
		return false
	}
	s.i++
	if s.next() == '}' {
		s.i++
		return true
	}
	return c.members(s)
}

// members reads the members of an object, through its end.
func (c *Command) members(s *scanner) bool {
	for {
		if s.next() != '"' {
			return false
		}
		key, ok := s.str()
		if !ok || s.next() != ':' {
			return false
		}
		s.i++
		if !c.value(s, fieldOf(&key)) {
			return false
		}
		end := s.next()
		s.i++
		if end == '}' {
			return true
		}
		if end != ',' {
			return false
		}
	}
}

// value reads the value of a field.
func (c *Command) value(s *scanner, f field) bool {
	if f == fNone {
		return s.skip(1)
	}
	bit := f.bit()
	c.twice |= c.named & bit
	c.named |= bit
	c.found |= bit
	good := false
	switch first := s.next(); {
	case first == '"':
		l, ok := s.str()
		if !ok {
			return false
		}
		good = c.setString(f, &l)
	case first == '-' || isDigit(first):
		n, exact, ok := s.num()
		if !ok {
			return false
		}
		good = exact && c.setNumber(f, n)
	case first == '{' && f == fAfter:
		var ok bool
		if good, ok = c.position(s); !ok {
			return false
		}
	case first == '{' && f == fThread:
		var ok bool
		if good, ok = c.thread(s); !ok {
			return false
		}
	case first == '[' && f == fRooms:
		var ok bool
		if good, ok = c.list(s); !ok {
			return false
		}
	case first == 't' || first == 'f':
		if !s.constant(first) {
			return false
		}
		switch yes := first == 't'; f {
		case fOn:
			c.On, good = yes, true
		case fRetry:
			c.Retry, good = yes, true
		case fBroadcast:
			c.Broadcast, good = yes, true
		}
	case first == 'n':
		if c.found &^= bit; !s.constant(first) {
			return false
		}
		good = true
	default:
		if !s.skip(1) {
			return false
		}
	}
	if !good {
		c.wrong |= bit
	}
	return true
}

// setString sets a field and reports whether the value is valid.
func (c *Command) setString(f field, l *literal) bool {
	v := l.inner()
	v = v[:len(v):len(v)]
	switch f {
	case fText:
		c.Text, c.TextLen = l.raw, l.size
		return l.size > 0 && !l.broken
	case fEmoji:
		if l.size == 0 || l.size > MaxEmoji || l.broken {
			return false
		}
		if c.Emoji = v; l.escaped {
			c.Emoji = appendUnescaped(c.emoji[:0], v)
		}
		return noControls(c.Emoji)
	}
	if l.escaped {
		return false
	}
	switch f {
	case fType:
		c.Kind = kindOf(v)
		return true
	case fToken:
		c.Token = v
		return isToken(v)
	case fDevice:
		c.Device = v
		return isDevice(v)
	case fStatus:
		c.Status = v
		return isStatus(v)
	case fNext:
		c.Next = v
		return isPlace(v)
	}
	if !isID(v) {
		return false
	}
	switch f {
	case fID:
		c.ID = v
	case fRoom:
		c.Room = v
	case fMsgID:
		c.MsgID = v
	case fReplyTo:
		c.ReplyTo = v
	case fReplyAuthor:
		c.ReplyAuthor = v
	case fTarget:
		c.Target = v
	case fAuthor:
		c.Author = v
	default:
		return false // a number or a boolean is wanted
	}
	return true
}

// setNumber sets a field and reports whether the value is valid.
func (c *Command) setNumber(f field, n uint64) bool {
	switch f {
	case fVersion:
		c.Version = int(min(n, maxVersion))
		return 1 <= n && n <= maxVersion
	case fLimit:
		c.Limit = int(min(n, MaxLimit))
		return 1 <= n && n <= MaxLimit
	case fSeq:
		c.Seq = n
	case fBefore:
		c.Before = n
	case fAfter:
		c.After = n
		return true
	case fAround:
		c.Around = n
	default:
		return false
	}
	return n > 0 // no entry has the seq 0
}
