// Package store is what directory keeps: users, sessions, signing keys, rooms, memberships, and
// intents to tell of changes. It owns the records and the contract; sqlite and mongo keep it, and
// storetest checks them.
//
// The contract needs no transaction over records: what belongs together is one record, or is healed
// by an intent.
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

// Store keeps the records. Its methods are safe for concurrent use; each takes effect whole or not
// at all, and has reached the disk when it returns. Besides ErrNotFound and ErrConflict, where they
// are named, any error means that the store does not work right now.
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
