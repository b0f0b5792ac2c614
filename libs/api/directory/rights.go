package directory

import (
	"maps"
	"slices"
)

// Action is something that a user does in a room or to the whole server, as far as it takes a
// right.
type Action string

// The actions. "Another" is a user in the same room; see MayTo.
const (
	ActionRead Action = "read" // know of the room, join it live, history, presence
	ActionSend Action = "send" // send, edit one's own, typing
	// delete one's own messages, also while muted and where one may not send
	ActionRetract     Action = "retract"
	ActionErase       Action = "erase"        // delete another's message
	ActionPin         Action = "pin"          // pin and unpin messages
	ActionEnter       Action = "enter"        // become a member
	ActionLeave       Action = "leave"        // end one's own membership
	ActionListMembers Action = "list-members" // see who is a member
	ActionInvite      Action = "invite"       // make somebody a member
	ActionAppoint     Action = "appoint"      // give another a role
	ActionRemove      Action = "remove"       // end another's membership
	ActionDescribe    Action = "describe"     // change name, topic and rules
	ActionHide        Action = "hide"         // make the room private
	ActionListBans    Action = "list-bans"    // see who is banned
	ActionBan         Action = "ban"          // ban another
	ActionUnban       Action = "unban"        // end a ban
	ActionAudit       Action = "audit"        // read the audit log
	// react, also in a room for announcements that has reactions
	ActionReact    Action = "react"
	ActionAnnounce Action = "announce" // send and react in a room for announcements
	ActionHurry    Action = "hurry"    // send in slow mode without waiting
	// keep another from writing for a time, end that, see who is kept
	ActionMute   Action = "mute"
	ActionSlow   Action = "slow"   // set the slow mode
	ActionPurge  Action = "purge"  // delete all messages of another, of some time
	ActionReport Action = "report" // report a message
	ActionReview Action = "review" // see reports, and resolve them
	// make the room read only and take it off the lists, and undo that
	ActionArchive   Action = "archive"
	ActionDelete    Action = "delete"     // delete the room with all that was said there
	ActionExport    Action = "export"     // take a copy of all that was said in the room
	ActionRetain    Action = "retain"     // say how long messages are kept
	ActionClear     Action = "clear"      // remove all that was said in the room
	ActionHold      Action = "hold"       // make and lift legal holds, and read what they have kept
	ActionListUsers Action = "list-users" // see all accounts
	ActionListRooms Action = "list-rooms" // see all public rooms, archived ones too
	ActionAdmit     Action = "admit"      // say who may come in, and make invitation links
	// add and remove emoji of the server's own
	ActionChangeEmoji Action = "change-emoji"
	// disable accounts, sign them out, have passwords reset
	ActionManage     Action = "manage"
	ActionRestrict   Action = "restrict"    // make a member a reader, and a reader a member
	ActionMakeRoom   Action = "make-room"   // make rooms
	ActionPublish    Action = "publish"     // make public rooms, and make a room public
	ActionOpenDirect Action = "open-direct" // begin a talk with another in a direct room
	ActionServe      Action = "serve"       // be given a role on the whole server
	// mention all members of the room (@room), or those who are online (@here)
	ActionMentionAll Action = "mention-all"
)

// Place is what rights depend on besides the role: the kind of a room, or the whole server.
type Place uint8

// The places. An unknown Place grants nothing.
const (
	PublicRoom  Place = iota + 1 // everybody may read it and become a member
	PrivateRoom                  // only its members know of it
	DirectRoom                   // of two people
	DefaultRoom                  // one of chat.DefaultRooms: everybody is a member, unless banned
	WholeServer                  // not a room: the role is RoleOperator, RoleAuditor or none
	// not a room: what the kind of an account may do anywhere; the role is RoleGuest or RoleUser
	Account
)

// The roles in WholeServer, where they alone are any.
const (
	RoleAuditor  Role = "auditor"  // reads what operators read, and changes nothing
	RoleOperator Role = "operator" // runs the server
)

// The kinds of accounts, which are the roles in Account and nowhere else. What an account may do at
// all comes before what its user may do in a room.
const (
	RoleGuest Role = "guest" // an account without a password
	RoleUser  Role = "user"  // a registered one
)

// Rank reports whether a member of a room can have the role.
func (r Role) Rank() bool { return slices.Contains(readers, r) }

// Voice reports whether ActionRestrict is about the role: it gives or takes the word.
func (r Role) Voice() bool { return r == RoleReader || r == RoleMember }

// Sets of roles.
var (
	anybody   = []Role{"", RoleReader, RoleMember, RoleModerator, RoleOwner}
	readers   = []Role{RoleReader, RoleMember, RoleModerator, RoleOwner}
	members   = []Role{RoleMember, RoleModerator, RoleOwner}
	guards    = []Role{RoleModerator, RoleOwner}
	owners    = []Role{RoleOwner}
	operators = []Role{RoleOperator}
	auditors  = []Role{RoleAuditor, RoleOperator}
	guests    = []Role{RoleGuest, RoleUser}
	users     = []Role{RoleUser}
)

// right says who may do an action, by place. A place that is left out is one where nobody may. What
// a guest may do, an operator may take away with the option --guest-may, if optional is true.
type right struct {
	what                                               string // the action, for people
	public, private, direct, standing, server, account []Role
	optional                                           bool
}

// in returns who may do it in a place.
func (r right) in(place Place) []Role {
	switch place {
	case PublicRoom:
		return r.public
	case PrivateRoom:
		return r.private
	case DirectRoom:
		return r.direct
	case DefaultRoom:
		return r.standing
	case WholeServer:
		return r.server
	case Account:
		return r.account
	}
	return nil
}

// rights is the table of who may do what, and the only one: services and edges ask it. A ban comes
// before it: who is banned may do nothing.
var rights = map[Action]right{
	ActionRead:        {what: "know of the room, read it, see who is online", public: anybody, private: readers, direct: members, standing: readers, account: guests},
	ActionSend:        {what: "send, type, edit one's own messages", public: members, private: members, direct: members, standing: members, account: guests, optional: true},
	ActionRetract:     {what: "delete one's own messages, also while muted and where one may not send", public: readers, private: readers, direct: members, standing: readers, account: guests},
	ActionErase:       {what: "delete another's message", public: guards, private: guards, standing: guards, account: guests},
	ActionPin:         {what: "pin and unpin messages", public: guards, private: guards, direct: members, standing: guards, account: guests},
	ActionEnter:       {what: "become a member", public: anybody, private: readers, direct: members, standing: readers, account: guests},
	ActionLeave:       {what: "end one's own membership", public: anybody, private: readers, direct: members, account: guests},
	ActionListMembers: {what: "see who is a member", public: readers, private: readers, direct: members, standing: readers, account: guests},
	ActionInvite:      {what: "make somebody a member", public: members, private: members, standing: members, account: guests, optional: true},
	ActionAppoint:     {what: "give another a role", public: owners, private: owners, standing: owners, server: operators, account: guests},
	ActionRestrict:    {what: "make a member a reader, and a reader a member", public: guards, private: guards, standing: guards, account: guests},
	ActionRemove:      {what: "end another's membership", public: guards, private: guards, account: guests},
	ActionDescribe:    {what: "change name, topic and rules", public: owners, private: owners, standing: owners, account: guests},
	ActionHide:        {what: "make the room private", public: owners, private: owners, account: guests},
	ActionListBans:    {what: "see who is banned", public: guards, private: guards, standing: guards, server: auditors, account: guests},
	ActionBan:         {what: "ban another", public: guards, private: guards, standing: guards, server: operators, account: guests},
	ActionUnban:       {what: "end a ban", public: guards, private: guards, standing: guards, server: operators, account: guests},
	ActionAudit:       {what: "read the audit log", server: auditors, account: users},
	ActionReact:       {what: "react, also in a room for announcements that has reactions", public: members, private: members, direct: members, standing: members, account: guests, optional: true},
	ActionAnnounce:    {what: "send and react in a room for announcements", public: guards, private: guards, standing: guards, account: guests},
	ActionHurry:       {what: "send in slow mode without waiting", public: guards, private: guards, standing: guards, account: guests},
	ActionMute:        {what: "keep another from writing for a time, end that, see who is kept", public: guards, private: guards, standing: guards, server: operators, account: guests},
	ActionSlow:        {what: "set the slow mode", public: guards, private: guards, standing: guards, account: guests},
	ActionPurge:       {what: "delete all messages of another, of some time", public: guards, private: guards, standing: guards, server: operators, account: guests},
	ActionReport:      {what: "report a message", public: anybody, private: readers, direct: members, standing: readers, account: guests, optional: true},
	ActionReview:      {what: "see reports, and resolve them", public: guards, private: guards, standing: guards, server: operators, account: guests},
	ActionArchive:     {what: "make the room read only and take it off the lists, and undo that", public: owners, private: owners, server: operators, account: guests},
	ActionDelete:      {what: "delete the room with all that was said there", public: owners, private: owners, server: operators, account: guests},
	ActionExport:      {what: "take a copy of all that was said in the room", public: owners, private: owners, direct: members, standing: owners, account: users},
	ActionClear:       {what: "reset the room: remove all that was said there", public: guards, private: guards, standing: guards, account: users},
	ActionRetain:      {what: "say how long messages are kept", public: owners, private: owners, standing: owners, server: operators, account: users},
	ActionHold:        {what: "make and lift legal holds, and read what they have kept", server: operators, account: users},
	ActionListUsers:   {what: "see all accounts", server: auditors, account: users},
	ActionListRooms:   {what: "see all public rooms, archived ones too", server: auditors, account: users},
	ActionAdmit:       {what: "say who may come in, and make invitation links", server: operators, account: users},
	ActionChangeEmoji: {what: "add and remove emoji of the server's own", server: operators, account: users},
	ActionManage:      {what: "disable accounts, sign them out, have passwords reset", server: operators, account: users},
	ActionMakeRoom:    {what: "make rooms", account: guests, optional: true},
	ActionPublish:     {what: "make public rooms, and make a room public", account: guests, optional: true},
	ActionOpenDirect:  {what: "begin a talk with another in a direct room", account: guests, optional: true},
	ActionServe:       {what: "be given a role on the whole server", account: users},
	ActionMentionAll:  {what: "mention all members of the room (`@room`), or those who are online (`@here`)", public: guards, private: members, direct: members, standing: guards, account: users},
}

// over says who may remove, ban or mute another, or purge another's messages, by the other's role.
// A role that is left out is one that nobody may do that to.
var over = map[Role][]Role{
	"":            {RoleModerator, RoleOwner, RoleOperator},
	RoleReader:    {RoleModerator, RoleOwner},
	RoleMember:    {RoleModerator, RoleOwner},
	RoleModerator: {RoleOwner},
	RoleAuditor:   {RoleOperator},
}

// May reports whether somebody with a role may do an action in a place. The empty Role is no
// member.
func May(role Role, action Action, place Place) bool {
	return slices.Contains(rights[action].in(place), role)
}

// MayTo reports whether somebody with a role may do ActionRemove, ActionBan, ActionMute or
// ActionPurge in a place to another with a role.
func MayTo(role Role, action Action, place Place, other Role) bool {
	return May(role, action, place) && slices.Contains(over[other], role)
}

// AnybodyMay reports whether there is a role with which an action may be done in a place.
func AnybodyMay(action Action, place Place) bool { return len(rights[action].in(place)) > 0 }

// May reports whether the user may do an action whose right is the same in all rooms but direct
// ones: an Access says no more of the room than that.
func (a Access) May(action Action) bool {
	if a.Direct {
		return May(a.Role, action, DirectRoom)
	}
	return May(a.Role, action, PublicRoom)
}

// Actions returns all actions, by name.
func Actions() []Action { return slices.Sorted(maps.Keys(rights)) }

// What says in words what an action is; empty: it is none.
func (a Action) What() string { return rights[a].what }

// GuestActions returns what guests may do unless an operator takes it away, by name.
func GuestActions() []Action {
	return slices.DeleteFunc(Actions(), func(a Action) bool { return !rights[a].optional })
}
