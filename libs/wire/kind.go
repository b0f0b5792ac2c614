package wire

// Version is the protocol version of this release, as hello and welcome name it.
const Version = 1

// Kind is the type of a command.
type Kind uint8

// The kinds of commands; see PROTOCOL.md for each. KindUnknown is a type that this release does not
// know.
const (
	KindUnknown Kind = iota
	Hello
	Join
	Leave
	Send
	Edit
	Delete
	React
	Pin
	Typing
	Read
	History
	Who
	Watch
	Status
	Ping
	Inbox
	Unread
	Seen
	// NumKinds is the number of kinds, KindUnknown included: the length of a table by Kind.
	NumKinds
)

var kindNames = [NumKinds]string{
	"unknown", "hello", "join", "leave", "send", "edit", "delete", "react", "pin", "typing", "read", "history", "who",
	"watch", "status", "ping", "inbox", "unread", "seen",
}

// String returns the type as it stands in a frame, and "unknown" for a Kind that is none.
func (k Kind) String() string {
	if k >= NumKinds {
		k = KindUnknown
	}
	return kindNames[k]
}

// Kinds returns the kinds that this release knows, in the order of PROTOCOL.md.
func Kinds() []Kind {
	all := make([]Kind, 0, NumKinds-1)
	for k := Hello; k < NumKinds; k++ {
		all = append(all, k)
	}
	return all
}

func kindOf(name []byte) Kind {
	switch string(name) { // no allocation: the compiler compares in place
	case "hello":
		return Hello
	case "join":
		return Join
	case "leave":
		return Leave
	case "send":
		return Send
	case "edit":
		return Edit
	case "delete":
		return Delete
	case "react":
		return React
	case "pin":
		return Pin
	case "typing":
		return Typing
	case "read":
		return Read
	case "history":
		return History
	case "who":
		return Who
	case "watch":
		return Watch
	case "status":
		return Status
	case "ping":
		return Ping
	case "inbox":
		return Inbox
	case "unread":
		return Unread
	case "seen":
		return Seen
	}
	return KindUnknown
}
