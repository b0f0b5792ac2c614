// Package store is what directory keeps: users, sessions, signing keys, rooms, memberships, and
// intents to tell of changes. It owns the records and the contract; sqlite and mongo keep it, and
// storetest checks them.
//
// The contract needs no transaction over records: what belongs together is one record, or is healed
// by an intent.
package store

import (
	"context"
	"errors"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/names"
)

var (
	// ErrNotFound says that there is no such record.
	ErrNotFound = errors.New("not in the store")
	// ErrConflict says that another record has the id or the name.
	ErrConflict = errors.New("already in the store")
)

// NetworkBan keeps the clients of a network out.
type NetworkBan struct {
	Network string `bson:"_id"` // such as 192.0.2.0/24
	Reason  string `bson:"reason"`
	Actor   string `bson:"actor"`   // who banned
	User    string `bson:"user"`    // the banned guest that it came with; empty: none
	Created int64  `bson:"created"` // UTC milliseconds
	Until   int64  `bson:"until"`   // UTC milliseconds; 0: until somebody ends it
}

// Member is a user's membership of a room.
type Member struct {
	Room  string   `bson:"room"`
	User  string   `bson:"user"`
	Name  string   `bson:"name"` // the user's, when the membership began
	Role  api.Role `bson:"role"`
	Since int64    `bson:"since"` // UTC milliseconds
	// Hidden is of a direct room that its user does not want to see until the other writes again.
	Hidden bool `bson:"hidden"`
}

// Request says that the direct room of its ID has one member, From, and that To has to agree before
// there are two.
type Request struct {
	Room     string `bson:"_id"`
	From     string `bson:"from"`
	FromName string `bson:"from_name"`
	To       string `bson:"to"`
	ToName   string `bson:"to_name"`
	// ids of From's messages; To knows of the request when there is one
	Sent    []string `bson:"sent"`
	Refused bool     `bson:"refused"` // To does not see it any more, and From may send no more
	Created int64    `bson:"created"` // UTC milliseconds of the first message, or of the room
	Expires int64    `bson:"expires"` // UTC milliseconds; 0: never
}

// Visible reports whether To sees the request.
func (r Request) Visible() bool { return len(r.Sent) > 0 && !r.Refused }

// Invite asks a user to become a member of a room.
type Invite struct {
	Room      string   `bson:"room"`
	User      string   `bson:"user"`  // who is asked
	Name      string   `bson:"name"`  // that user's, at the time
	Role      api.Role `bson:"role"`  // what the user becomes
	Actor     string   `bson:"actor"` // who asks
	ActorName string   `bson:"actor_name"`
	From      int64    `bson:"from"`     // as in Intent, when the user was asked
	Declined  bool     `bson:"declined"` // stays, so that the user is not asked again at once
	Created   int64    `bson:"created"`  // UTC milliseconds
	Expires   int64    `bson:"expires"`  // UTC milliseconds
}

// Ban keeps a user out of a room, or with an empty Room out of the whole server.
type Ban struct {
	Room    string `bson:"room"`
	User    string `bson:"user"`
	Name    string `bson:"name"`    // the user's, at the time
	Actor   string `bson:"actor"`   // who banned
	Reason  string `bson:"reason"`  // for those who look after the room
	Created int64  `bson:"created"` // UTC milliseconds
	Until   int64  `bson:"until"`   // UTC milliseconds; 0: until somebody ends it
}

// Over reports whether the ban has ended by a time in UTC milliseconds.
func (b Ban) Over(now int64) bool { return b.Until != 0 && b.Until <= now }

// Block keeps another user from writing to a user, or with Ignore only hides what the other writes.
type Block struct {
	User    string `bson:"user"`    // who blocks
	Other   string `bson:"other"`   // who is blocked, and not told
	Name    string `bson:"name"`    // the other's, at the time
	Ignore  bool   `bson:"ignore"`  // only not shown: the other may write all the same
	Created int64  `bson:"created"` // UTC milliseconds
}

// Seen says when a user was last connected.
type Seen struct {
	User string
	At   int64 // UTC milliseconds
}

// Intent says that something about a room or a user is about to change and must be told on the bus.
// It is written before the change and deleted when the change has been told; one that stays is told
// again from what is in the store.
type Intent struct {
	ID   string `bson:"_id"`
	Kind string `bson:"kind"`
	Room string `bson:"room"`
	User string `bson:"user"` // whose membership or session
	Name string `bson:"name"` // that user's
	// what the membership shall be; empty: ended. Of a purge: the span; of a deleted account: what
	// becomes of messages
	Role  string `bson:"role"`
	Actor string `bson:"actor"` // who does it
	// of a revocation: the one session that it is about; empty: all. Of a purge: why. Of a
	// membership: how people are told
	Session string `bson:"session"`
	// of a membership that begins: through which Seq of the room there is nothing new to the user;
	// else 0
	From    int64 `bson:"from"`
	Created int64 `bson:"created"` // UTC milliseconds
}

// Store keeps the records. Its methods are safe for concurrent use; each takes effect whole or not
// at all, and has reached the disk when it returns. Besides ErrNotFound and ErrConflict, where they
// are named, any error means that the store does not work right now.
type Store interface {
	Accounts
	Acts
	Invitations
	Letters
	Mutes
	PreferenceKeeper
	Readers
	Reports
	Servers
	Subscriptions
	// ErrConflict: the name is taken
	CreateUser(ctx context.Context, u User) error
	// ErrNotFound
	User(ctx context.Context, id string) (User, error)
	// ErrNotFound
	UserByName(ctx context.Context, nameKey string) (User, error)
	// whose NameKey begins so, in its order
	Users(ctx context.Context, prefix string, limit int) ([]User, error)
	// those that there are, by id
	UsersOf(ctx context.Context, ids []string) ([]User, error)
	// those that there are, by name key
	UsersByNames(ctx context.Context, nameKeys []string) ([]User, error)
	// by id, after that one
	UsersAfter(ctx context.Context, id string, limit int) ([]User, error)
	// a page of them
	FindUsers(ctx context.Context, q UserQuery) ([]User, error)
	// registered, and looking so, by id
	UsersAlike(ctx context.Context, looks names.Looks, limit int) ([]User, error)
	// registered, and having this in the lower case look of the name, see names.Bare, by id
	UsersLike(ctx context.Context, look string, limit int) ([]User, error)
	// a user and its session; ErrConflict: the name is taken
	CreateGuest(ctx context.Context, u User, s Session) error
	// its name and password; ErrNotFound, also: Hash is another than was; ErrConflict: the name is
	// taken
	ReplaceUser(ctx context.Context, u User, was string) error
	// and when the user was seen; none is not an error
	DeleteUser(ctx context.Context, id string) error
	// ErrNotFound
	SetDisabled(ctx context.Context, user string, disabled bool) error
	// ErrConflict
	CreateSession(ctx context.Context, s Session) error
	// ErrNotFound
	Session(ctx context.Context, id string) (Session, error)
	// ErrNotFound, also: it had expired by now
	ExtendSession(ctx context.Context, id string, now, expires int64) error
	// ErrNotFound, also: Hash is another than was, or it had expired by now
	TurnSession(ctx context.Context, id string, was []byte, now int64, t Turn) error
	// those made last first
	SessionsOf(ctx context.Context, user string, limit int) ([]Session, error)
	// it has expired, for good; none is not an error
	EndSession(ctx context.Context, id string) error
	// all of them have
	EndSessionsOf(ctx context.Context, user string) error
	// none is not an error
	DeleteSession(ctx context.Context, id string) error
	// that had expired by then, oldest first
	SessionsBefore(ctx context.Context, expires int64, limit int) ([]Session, error)
	// by id, after that one
	SessionsAfter(ctx context.Context, id string, limit int) ([]Session, error)
	// ErrConflict
	CreateKey(ctx context.Context, k Key) error
	// newest first
	Keys(ctx context.Context) ([]Key, error)
	// changes what is kept of it; ErrNotFound
	SetKeySeed(ctx context.Context, id string, seed []byte) error
	// none is not an error
	DeleteKey(ctx context.Context, id string) error
	// ErrConflict
	CreateRoom(ctx context.Context, r Room) error
	// ErrNotFound
	Room(ctx context.Context, id string) (Room, error)
	// those that there are, by id
	Rooms(ctx context.Context, ids []string) ([]Room, error)
	// ErrNotFound
	PatchRoom(ctx context.Context, id string, p RoomPatch) error
	// none is not an error; its members stay
	DeleteRoom(ctx context.Context, id string) error
	// looking so, by id
	PublicRoomsAlike(ctx context.Context, looks names.Looks, limit int) ([]Room, error)
	// adds it or changes its Role
	PutMember(ctx context.Context, m Member) error
	// ErrNotFound
	SetRole(ctx context.Context, room, user string, role api.Role) error
	// ErrNotFound
	Member(ctx context.Context, room, user string) (Member, error)
	// in all rooms; none is not an error
	RenameMember(ctx context.Context, user, name string) error
	// none is not an error
	DeleteMember(ctx context.Context, room, user string) error
	// by user id, after that one
	Members(ctx context.Context, room, after string, limit int) ([]Member, error)
	// oldest first
	MembersInRole(ctx context.Context, room string, role api.Role, limit int) ([]Member, error)
	// of all of them, by room and user id
	MembersOf(ctx context.Context, rooms []string) ([]Member, error)
	// oldest first
	MembershipsOf(ctx context.Context, user string, limit int) ([]Member, error)
	// GroupsOf returns memberships of rooms that are not direct, oldest first.
	GroupsOf(ctx context.Context, user string, limit int) ([]Member, error)
	// DirectsOf returns memberships of direct rooms that are not hidden and began before a time,
	// newest first.
	DirectsOf(ctx context.Context, user string, before int64, limit int) ([]Member, error)
	// ErrNotFound
	SetHidden(ctx context.Context, room, user string, hidden bool) error
	// made since then, newest first
	RoomsBy(ctx context.Context, creator string, since int64, limit int) ([]Room, error)
	// ErrConflict
	CreateRequest(ctx context.Context, r Request) error
	// ErrNotFound
	Request(ctx context.Context, room string) (Request, error)
	// SendRequest adds a message of From to those of a request that is not refused; one that is
	// there already changes nothing. The first sets Created to now. Errors: ErrNotFound, also: it
	// is refused, or has most messages.
	SendRequest(ctx context.Context, room, from, message string, most int, now int64) (Request, error)
	// ErrNotFound
	RefuseRequest(ctx context.Context, room, to string, expires int64) error
	// none is not an error
	DeleteRequest(ctx context.Context, room string) error
	// shown, made before then, newest first
	RequestsTo(ctx context.Context, to string, before int64, limit int) ([]Request, error)
	// from or to the user, by room
	RequestsOf(ctx context.Context, user string, limit int) ([]Request, error)
	// that had expired by then, oldest first
	RequestsBefore(ctx context.Context, expires int64, limit int) ([]Request, error)
	// ErrConflict
	CreateInvite(ctx context.Context, i Invite) error
	// ErrNotFound
	Invite(ctx context.Context, room, user string) (Invite, error)
	// ErrNotFound
	DeclineInvite(ctx context.Context, room, user string) error
	// none is not an error
	DeleteInvite(ctx context.Context, room, user string) error
	// not declined, newest first
	InvitesTo(ctx context.Context, user string, limit int) ([]Invite, error)
	// also declined, newest first
	InvitesBy(ctx context.Context, actor string, limit int) ([]Invite, error)
	// also declined, by user id, after that one
	InvitesIn(ctx context.Context, room, after string, limit int) ([]Invite, error)
	// that had expired by then, oldest first
	InvitesBefore(ctx context.Context, expires int64, limit int) ([]Invite, error)
	// FindPublic returns a page of public rooms.
	FindPublic(ctx context.Context, q PublicQuery) ([]Room, error)
	// public rooms by id, after that one
	PublicAfter(ctx context.Context, id string, limit int) ([]Room, error)
	// none is not an error
	SetActivity(ctx context.Context, room string, a Activity) error
	// adds or replaces it
	PutNetworkBan(ctx context.Context, b NetworkBan) error
	NetworkBans(ctx context.Context, limit int) ([]NetworkBan, error) // by network
	// none is not an error
	DeleteNetworkBan(ctx context.Context, network string) error
	// adds it, or changes its Reason and Until
	PutBan(ctx context.Context, b Ban) error
	Ban(ctx context.Context, room, user string) (Ban, error) // ErrNotFound
	// none is not an error
	DeleteBan(ctx context.Context, room, user string) error
	// by user id, after that one
	Bans(ctx context.Context, room, after string, limit int) ([]Ban, error)
	BansOf(ctx context.Context, user string) ([]Ban, error) // by room id
	// that are over by now, those that ended first before
	EndedBans(ctx context.Context, now int64, limit int) ([]Ban, error)
	// deletes it if it is over by now
	EndBan(ctx context.Context, room, user string, now int64) error
	// adds it, or changes its Ignore
	PutBlock(ctx context.Context, b Block) error
	Block(ctx context.Context, user, other string) (Block, error) // ErrNotFound
	// none is not an error
	DeleteBlock(ctx context.Context, user, other string) error
	// a user's, by the other's id, after that one
	Blocks(ctx context.Context, user, after string, limit int) ([]Block, error)
	// those by the user, and those of the user
	DeleteBlocksOf(ctx context.Context, user string) error
	// of each user that there is, the latest is kept
	PutSeen(ctx context.Context, seen []Seen) error
	// UTC milliseconds; 0: never
	Seen(ctx context.Context, user string) (int64, error)
	PutIntent(ctx context.Context, i Intent) error
	// none is not an error
	DeleteIntent(ctx context.Context, id string) error
	IntentsBefore(ctx context.Context, created int64, limit int) ([]Intent, error) // oldest first
	Close() error
}
