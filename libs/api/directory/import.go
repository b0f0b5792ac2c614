package directory

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"

	"hubbub.internal/libs/chat"
)

// The steps of an import, in their order. Each may be repeated: what is there is not made again.
const (
	ImportBegin   = "begin"   // is in the audit log
	ImportUsers   = "users"   // makes the accounts of Users
	ImportOpen    = "open"    // says what Room is, or will be; makes nothing
	ImportEvents  = "events"  // adds Events to the record of Room, which nobody sees yet
	ImportMembers = "members" // makes the members of Room, which nobody sees yet
	ImportFinish  = "finish"  // makes Room, with all of that
	ImportEnd     = "end"     // is in the audit log, with Detail
)

// Limits of a step.
const (
	MaxImportUsers   = 100
	MaxImportMembers = 1000
)

// Import is a step of the import of another product's export.
type Import struct {
	Step string `json:"step"`
	// Source names the server that the export is of, such as slack:T0123. The ids of what is made
	// follow from it and from those of the export, so that importing again makes nothing twice.
	Source string       `json:"source"`
	Check  bool         `json:"check,omitempty"` // nothing is made or written down, only answered
	Users  []ImportUser `json:"users,omitempty"`
	Room   *ImportRoom  `json:"room,omitempty"`
	Events []chat.Event `json:"events,omitempty"`
	Detail string       `json:"detail,omitempty"`
}

// ImportUser is somebody of an export.
type ImportUser struct {
	Key  string `json:"key"`  // id in the export
	Name string `json:"name"` // wanted
	// To is the name or id of the account that the user has here, or if there is none the name of
	// the account that is made; empty: that with the mail address, or a new one.
	To     string `json:"to,omitempty"`
	Mail   string `json:"mail,omitempty"`
	Trust  bool   `json:"trust,omitempty"`  // the address is the user's: a new account gets it
	Closed bool   `json:"closed,omitempty"` // nobody can log in to a new account
}

// What an ImportedUser is.
const (
	ImportNew     = "new"
	ImportKnown   = "known"   // an earlier import has made it
	ImportMapped  = "mapped"  // an account of somebody who is here
	ImportRefused = "refused" // Why says why
)

// ImportedUser is what came of an ImportUser.
type ImportedUser struct {
	Key   string `json:"key"`
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
	State string `json:"state"`
	Why   string `json:"why,omitempty"`
}

// ImportRoom is a room of an export.
type ImportRoom struct {
	Key      string   `json:"key"` // id in the export
	Name     string   `json:"name,omitempty"`
	Topic    string   `json:"topic,omitempty"`
	Private  bool     `json:"private,omitempty"`
	Archived bool     `json:"archived,omitempty"`
	Created  int64    `json:"created,omitempty"` // UTC milliseconds
	With     []string `json:"with,omitempty"`    // the two users, by id, of a direct room
	// Members by id, of ImportMembers; of ImportFinish those who are told, who are here already.
	Members []ImportMember `json:"members,omitempty"`
}

// ImportMember is a member of a room of an export.
type ImportMember struct {
	User string `json:"user"`
	Role Role   `json:"role"`
}

// ImportedRoom is what came of an ImportRoom.
type ImportedRoom struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	State string `json:"state"` // ImportNew, ImportKnown or ImportRefused
	Why   string `json:"why,omitempty"`
}

// ImportReply is what came of a step.
type ImportReply struct {
	Users []ImportedUser `json:"users,omitempty"`
	Room  *ImportedRoom  `json:"room,omitempty"`
	Known int            `json:"known,omitempty"` // entries that the record had
	Added int            `json:"added,omitempty"` // entries that are new, or members
	Left  []string       `json:"left,omitempty"`  // members who are in as many rooms as one can be
}

// ImportID returns the id that something of an export has here: a user, a room, a message, or what
// was done to one.
func ImportID(source string, what ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", source, what))
	return "i-" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:26]
}
