package directory

import (
	"maps"
	"slices"
)

// Action is something that a user does in a room or to the whole server, as far as it takes a right.
type Action string

// The actions. "Another" is a user in the same room; see MayTo.
const (
	ActionRead        Action = "read"         // know of the room, join it live, history, presence
	ActionSend        Action = "send"         // send, edit and delete one's own, react, typing
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
	ActionReact       Action = "react"        // react, also in a room for announcements that has reactions
	ActionAnnounce    Action = "announce"     // send and react in a room for announcements
	ActionHurry       Action = "hurry"        // send in slow mode without waiting
	ActionMute        Action = "mute"         // keep another from writing for a time, end that, see who is kept
	ActionSlow        Action = "slow"         // set the slow mode
	ActionPurge       Action = "purge"        // delete all messages of another, of some time
	ActionReport      Action = "report"       // report a message
	ActionReview      Action = "review"       // see reports, and resolve them
	ActionArchive     Action = "archive"      // make the room read only and take it off the lists, and undo that
	ActionDelete      Action = "delete"       // delete the room with all that was said there
	ActionListUsers   Action = "list-users"   // see all accounts
	ActionListRooms   Action = "list-rooms"   // see all public rooms, archived ones too
	ActionAdmit       Action = "admit"        // say who may come in, and make invitations
	ActionManage      Action = "manage"       // disable accounts, sign them out, have passwords reset
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
)

// The roles in WholeServer, where they alone are any.
const (
	RoleAuditor  Role = "auditor"  // reads what operators read, and changes nothing
	RoleOperator Role = "operator" // runs the server
)

// Rank reports whether a member of a room can have the role.
func (r Role) Rank() bool { return slices.Contains(members, r) }

// Sets of roles.
var (
	anybody   = []Role{"", RoleMember, RoleModerator, RoleOwner}
	members   = []Role{RoleMember, RoleModerator, RoleOwner}
	guards    = []Role{RoleModerator, RoleOwner}
	owners    = []Role{RoleOwner}
	operators = []Role{RoleOperator}
	auditors  = []Role{RoleAuditor, RoleOperator}
)

// right says who may do an action, by place. A place that is left out is one where nobody may.
type right struct{ public, private, direct, standing, server []Role }

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
	}
	return nil
}

// rights is the table of who may do what, and the only one: services and edges ask it. A ban comes before it: who is
// banned may do nothing.
var rights = map[Action]right{
	ActionRead:        {public: anybody, private: members, direct: members, standing: members},
	ActionSend:        {public: members, private: members, direct: members, standing: members},
	ActionErase:       {public: guards, private: guards, standing: guards},
	ActionPin:         {public: guards, private: guards, direct: members, standing: guards},
	ActionEnter:       {public: anybody, private: members, direct: members, standing: members},
	ActionLeave:       {public: anybody, private: members, direct: members},
	ActionListMembers: {public: members, private: members, direct: members, standing: members},
	ActionInvite:      {public: members, private: members, standing: members},
	ActionAppoint:     {public: owners, private: owners, standing: owners, server: operators},
	ActionRemove:      {public: guards, private: guards},
	ActionDescribe:    {public: owners, private: owners, standing: owners},
	ActionHide:        {public: owners, private: owners},
	ActionListBans:    {public: guards, private: guards, standing: guards, server: auditors},
	ActionBan:         {public: guards, private: guards, standing: guards, server: operators},
	ActionUnban:       {public: guards, private: guards, standing: guards, server: operators},
	ActionAudit:       {server: auditors},
	ActionReact:       {public: members, private: members, direct: members, standing: members},
	ActionAnnounce:    {public: guards, private: guards, standing: guards},
	ActionHurry:       {public: guards, private: guards, standing: guards},
	ActionMute:        {public: guards, private: guards, standing: guards, server: operators},
	ActionSlow:        {public: guards, private: guards, standing: guards},
	ActionPurge:       {public: guards, private: guards, standing: guards, server: operators},
	ActionReport:      {public: anybody, private: members, direct: members, standing: members},
	ActionReview:      {public: guards, private: guards, standing: guards, server: operators},
	ActionArchive:     {public: owners, private: owners, server: operators},
	ActionDelete:      {public: owners, private: owners, server: operators},
	ActionListUsers:   {server: auditors},
	ActionListRooms:   {server: auditors},
	ActionAdmit:       {server: operators},
	ActionManage:      {server: operators},
}

// over says who may remove, ban or mute another, or purge another's messages, by the other's role. A role that is left out is one that nobody may do that to.
var over = map[Role][]Role{
	"":            {RoleModerator, RoleOwner, RoleOperator},
	RoleMember:    {RoleModerator, RoleOwner},
	RoleModerator: {RoleOwner},
	RoleAuditor:   {RoleOperator},
}

// May reports whether somebody with a role may do an action in a place. The empty Role is no member.
func May(role Role, action Action, place Place) bool {
	return slices.Contains(rights[action].in(place), role)
}

// MayTo reports whether somebody with a role may do ActionRemove, ActionBan, ActionMute or ActionPurge in a place to another with a role.
func MayTo(role Role, action Action, place Place, other Role) bool {
	return May(role, action, place) && slices.Contains(over[other], role)
}

// AnybodyMay reports whether there is a role with which an action may be done in a place.
func AnybodyMay(action Action, place Place) bool { return len(rights[action].in(place)) > 0 }

// May reports whether the user may do an action whose right is the same in all rooms but direct ones: an Access says no
// more of the room than that.
func (a Access) May(action Action) bool {
	if a.Direct {
		return May(a.Role, action, DirectRoom)
	}
	return May(a.Role, action, PublicRoom)
}

// Actions returns all actions, by name.
func Actions() []Action { return slices.Sorted(maps.Keys(rights)) }
