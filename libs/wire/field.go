package wire

// maxVersion bounds the version of hello, so that it fits any integer.
const maxVersion = 1 << 15

// field is a field of a command; its number is its bit in fields.
type field uint8

const (
	fNone field = iota // not the name of any field
	fType
	fID
	fRoom
	fMsgID
	fReplyTo
	fReplyAuthor
	fTarget
	fAuthor
	fToken
	fDevice
	fEmoji
	fStatus
	fNext
	fText
	fBefore
	fAfter
	fAround
	fSeq
	fLimit
	fVersion
	fOn
	fRetry
	fRooms
	fThread
	fBroadcast
	fieldCount
)

type fields uint32

func (f field) bit() fields { return 1 << f }

func set(all ...field) (s fields) {
	for _, f := range all {
		s |= f.bit()
	}
	return s
}

func fieldOf(key *literal) field {
	name := key.inner()
	if key.escaped {
		if key.size > len("reply_author") {
			return fNone
		}
		var short [len("reply_author")]byte
		name = appendUnescaped(short[:0], name)
	}
	switch string(name) {
	case "type":
		return fType
	case "id":
		return fID
	case "room":
		return fRoom
	case "msg_id":
		return fMsgID
	case "reply_to":
		return fReplyTo
	case "reply_author":
		return fReplyAuthor
	case "target":
		return fTarget
	case "author":
		return fAuthor
	case "token":
		return fToken
	case "device":
		return fDevice
	case "emoji":
		return fEmoji
	case "status":
		return fStatus
	case "next":
		return fNext
	case "text":
		return fText
	case "before":
		return fBefore
	case "after":
		return fAfter
	case "around":
		return fAround
	case "seq":
		return fSeq
	case "limit":
		return fLimit
	case "version":
		return fVersion
	case "on":
		return fOn
	case "retry":
		return fRetry
	case "rooms":
		return fRooms
	case "thread":
		return fThread
	case "broadcast":
		return fBroadcast
	}
	return fNone
}
