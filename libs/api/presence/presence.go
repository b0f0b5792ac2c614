// Package presence is the presence service as the other services see it: the messages between edges
// and replicas, the edge's reporter, and a client over the bus.
package presence

// Status is what a user shows of themself.
type Status string

// The statuses.
const (
	Online    Status = "online"
	Idle      Status = "idle"
	DND       Status = "dnd"
	Invisible Status = "invisible" // told to others as Offline
	Offline   Status = "offline"
)

// The services that presence serves on the bus.
const (
	ServiceWho  = "presence.who"  // WhoRequest to Who
	ServiceUser = "presence.user" // UserRequest to User

	ServiceHidden = "presence.hidden" // HiddenRequest to Hidden
	ServiceActive = "presence.active" // ActiveRequest to Active
)

// Limits of the people in one answer.
const (
	DefaultLimit = 200
	MaxLimit     = 1000
)

// WhoRequest asks who is online in a room, over all edges. The caller has checked that the asker
// may read the room.
type WhoRequest struct {
	Room  string `json:"room"`
	Limit int    `json:"limit,omitempty"` // 1 to MaxLimit people; 0: DefaultLimit
	// Next of the answer that this one goes on from. Empty asks for the first people, which in a
	// room with very many online (see Who.Users) has to be asked for in so many words: FromStart.
	After string `json:"after,omitempty"`
}

// FromStart is the After of a request for the first people of a room, however many are online.
const FromStart = "-"

// Person is a user who is online, over however many sockets.
type Person struct {
	User   string `json:"user"`
	Name   string `json:"name"`
	Status Status `json:"status" enum:"online,idle,dnd,offline"`
}

// Who answers WhoRequest.
type Who struct {
	Count int      `json:"count" doc:"All who are online in the room and visible to others."`
	Users []Person `json:"users" nullable:"false" doc:"Sorted by name, at most the limit; none in answer to a request without after where very many are online (1000, unless the operator says otherwise)."`
	Next  string   `json:"next,omitempty" doc:"There are more: ask again with it as after."`

	// Whoever watches a room is told that somebody has left only when they do not come back at
	// once, and is told nothing if they do. Who begins to watch meanwhile has to know of them:
	// after GoingMS those in Going of whom nothing was told are there, as they were.
	Going   []Person `json:"going,omitempty" nullable:"false" doc:"Those who have left moments ago, of which watchers are told only when they do not come back at once; with the first people alone, at most 1000."`
	GoingMS int64    `json:"going_ms,omitempty" doc:"When watchers will have been told of all who have not come back, in milliseconds from now."`
}

// UserRequest asks for one user, as others see them: who is invisible is Offline, without devices.
type UserRequest struct {
	User string `json:"user"`
}

// User answers UserRequest.
type User struct {
	Status  Status   `json:"status" enum:"online,idle,dnd,invisible,offline" doc:"Only oneself is seen as invisible."`
	Devices []Device `json:"devices,omitempty" nullable:"false" doc:"Those that are connected, oldest first, at most 64."`
	// over HTTP only
	LastSeen int64 `json:"last_seen,omitempty" doc:"Of who is offline: when they were last connected, in UTC milliseconds."`
}

// Device is a connected socket of a user.
type Device struct {
	Kind  string `json:"kind,omitempty" doc:"Such as web, phone, desktop or bot, as it said itself."`
	Since int64  `json:"since" doc:"When it connected, in UTC milliseconds."`
}

// MaxDevices is how many devices an answer about a user names.
const MaxDevices = 64

// HiddenRequest asks who of some users is invisible.
type HiddenRequest struct {
	Users []string `json:"users"` // at most MaxLimit
}

// Hidden answers HiddenRequest.
type Hidden struct {
	Users []string `json:"users"` // those who are connected, and invisible on one device at least
}

// ActiveRequest asks which of some users need not be told what is new elsewhere.
type ActiveRequest struct {
	Users []string `json:"users"` // at most MaxLimit
}

// Active answers ActiveRequest. An invisible device tells neither.
type Active struct {
	Active []string `json:"active,omitempty"` // those who are using a device that is connected
	DND    []string `json:"dnd,omitempty"`    // those who are not to be disturbed
}

// Changed is published by the presence service on the live channel of a room, ChannelOf(room), when
// somebody comes, goes or changes status. Applying one twice does no harm. In a room in which more
// than a thousand are online Users is empty: ask who is there when that matters.
type Changed struct {
	Users []Person `json:"users"`
	Count int      `json:"count"`
}

// ChannelOf returns the live channel on which a room's Changed travel.
func ChannelOf(room string) string { return "presence.room." + room }
