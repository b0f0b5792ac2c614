// Package directory is the directory service as the other services see it: request types, a client
// over the bus, and the cache of permissions that the control log keeps current.
package directory

// Role is what a user is in a room. The empty Role is no member.
type Role string

// The roles of a room's members, from least to most. What each may do is in the table of rights.
const (
	// reads, and writes nothing; a release that does not know it takes it for RoleMember
	RoleReader    Role = "reader"
	RoleMember    Role = "member"
	RoleModerator Role = "moderator"
	RoleOwner     Role = "owner"
)

// Access is what one user may do in one room.
type Access struct {
	Role   Role `json:"role,omitempty"`
	Read   bool `json:"read,omitempty"`   // join, history, presence
	Send   bool `json:"send,omitempty"`   // send, react, typing
	Direct bool `json:"direct,omitempty"` // a direct room: both may pin
	// React is whether the user may react where Send is false, as members may in some rooms for
	// announcements. Whoever may send may react, whatever it says: a directory of an earlier
	// release does not say.
	React bool `json:"react,omitempty"`
	// Archived says, to those who may read it, that the room is archived: nothing can be written
	// there.
	Archived bool `json:"archived,omitempty"`
	// Slow is how many seconds lie between two messages of the user: the room's slow mode. 0 for
	// those who may ActionHurry.
	Slow int `json:"slow,omitempty"`
	// MutedUntil is until when the user may not write, in UTC milliseconds; 0: the user may,
	// chat.Forever: until that is lifted. MutedWhy is what the user is told of it.
	MutedUntil int64  `json:"muted_until,omitempty"`
	MutedWhy   string `json:"muted_why,omitempty"`
	// Small says, to members only, that the room has at most SmallRoom of them, who are told how
	// far the others have read.
	Small bool `json:"small,omitempty"`
	// Ask says, where Send is false, that a message may be sent all the same if ServiceAsk says so,
	// each time: the other of a direct room has not accepted it yet, or does not want to see it
	// until something is said there.
	Ask bool `json:"ask,omitempty"`
}

// AskRequest asks whether a message may be sent where Access.Ask is set, and counts it; asking
// again for the same ID counts once. The service is ServiceAsk.
type AskRequest struct {
	User string `json:"user"`
	Room string `json:"room"`
	ID   string `json:"id"` // the message's
}

// AskReply answers AskRequest: the message may be sent.
type AskReply struct{}

// SmallRoom is how many members a small room has at most. The rooms that everybody is in are never
// small.
const SmallRoom = 50

// AccessRequest asks for the Access of a user to a room; the service is ServiceAccess.
type AccessRequest struct {
	User string `json:"user"`
	Room string `json:"room"`
}

// The services that directory serves on the bus.
const (
	ServiceAccess   = "directory.access"   // AccessRequest to Access
	ServiceKeys     = "directory.keys"     // KeysRequest to the JWKS document (RFC 7517)
	ServiceSaw      = "directory.saw"      // SawRequest to SawReply
	ServiceSeen     = "directory.seen"     // SeenRequest to Seen
	ServiceAsk      = "directory.ask"      // AskRequest to AskReply
	ServiceDeparted = "directory.departed" // DepartedRequest to DepartedReply
	// ServiceSessions answers SessionsRequest with SessionsReply.
	ServiceSessions = "directory.sessions"
)

// MaxSaw is how many users one SawRequest may name.
const MaxSaw = 1000

// Seen says when a user was last connected.
type Seen struct {
	User string `json:"user"`
	At   int64  `json:"at,omitempty"` // UTC milliseconds; 0: never
}

// SawRequest says when users were last connected; of each, the latest time is kept.
type SawRequest struct {
	Seen []Seen `json:"seen"` // at most MaxSaw
}

// SawReply answers SawRequest.
type SawReply struct{}

// SeenRequest asks when a user was last connected.
type SeenRequest struct {
	User string `json:"user"`
	// who wants to know; empty, as the release before asks: somebody
	Asker string `json:"asker,omitempty"`
}

// MaxSessions is how many sessions one SessionsRequest may name.
const MaxSessions = 200

// Session names a log-in, and whose it is.
type Session struct {
	ID   string `json:"id"`
	User string `json:"user"`
}

// SessionsRequest asks which sessions have ended. It is for whoever holds something open for longer
// than an access token is good for.
type SessionsRequest struct {
	Sessions []Session `json:"sessions"` // at most MaxSessions
}

// SessionsReply answers SessionsRequest.
type SessionsReply struct {
	// Ended are the sessions, by their index in the request, that were logged out or have expired,
	// or whose user is banned from the server or deleted.
	Ended []int `json:"ended,omitempty"`
}

// KeysRequest asks for the public keys that tokens are signed with.
type KeysRequest struct{}

// The kinds of Change.
const (
	ChangeAccess = "access" // User's Access to Room is now Access
	// the rules of Room changed, or it is no longer small: forget every Access to it
	ChangeRoom = "room"
	// User was revoked: close the sockets whose token was issued at or before At
	ChangeUser = "user"
	// who may write in Room, or how often, changed: forget every Access to it; all who may read it
	// still may
	ChangeRules  = "rules"
	ChangePerson = "person" // what User may do changed in all rooms: forget every Access of User
	// ChangeNetworks: the networks that nobody comes in from changed. Only the directory's replicas
	// take note.
	ChangeNetworks = "networks"
	// never in the log: changes may have been lost, so ask for everything again
	ChangeReset = "reset"
)

// Change is an entry of the control log (chat.ControlRoom), encoded as JSON after the entry version
// byte.
type Change struct {
	Kind string `json:"kind"`
	User string `json:"user,omitempty"`
	Room string `json:"room,omitempty"`
	// Session limits a ChangeUser to the sockets of one log-in.
	Session string `json:"session,omitempty"`
	Access  Access `json:"access,omitzero"`
	At      int64  `json:"at,omitempty"` // UTC milliseconds
}
