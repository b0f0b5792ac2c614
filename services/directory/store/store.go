// Package store defines what directory keeps: users, sessions, signing keys, rooms, memberships,
// and intents to announce changes. It owns the records and the contract; sqlite, mongo and memory
// implement it, and storetest checks them.
//
// The contract needs no transaction over several records: what belongs together is one record, or
// an intent repairs it.
package store

import (
	"errors"
)

var (
	// ErrNotFound says that there is no such record.
	ErrNotFound = errors.New("not in the store")
	// ErrConflict says that another record has the id or the name.
	ErrConflict = errors.New("already in the store")
)

// Store keeps the records. Its methods are safe for concurrent use; each takes effect as a whole or
// not at all, and its effect is on the disk when it returns. ErrNotFound and ErrConflict come only
// from the methods whose comments name them; any other error means that the store does not work
// right now. Methods that return lists leave out ids and names that they do not know.
type Store interface {
	Users
	Accounts
	Sessions
	LastSeen
	PreferenceKeeper
	Subscriptions
	Rooms
	Members
	Readers
	Requests
	Invitations
	InvitationLinks
	Bans
	NetworkBans
	Mutes
	Blocks
	Reports
	Letters
	Acts
	Servers
	Keys
	Intents
	EmojiKeeper
	Close() error
}
