// Package mongo keeps directory's store in MongoDB, or a server that speaks its protocol. Any
// number of processes may share it.
package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.uber.org/zap"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/directory/store"
)

// collections are what the parts of a Store share.
type collections struct {
	db                                            *mongo.Database
	users, sessions, keys, rooms, members, intent *mongo.Collection
	accounts, tickets                             *mongo.Collection
	acts                                          *mongo.Collection
	blocks                                        *mongo.Collection
	reports                                       *mongo.Collection
	bans, mutes                                   *mongo.Collection
	requests, invitations                         *mongo.Collection
	networks                                      *mongo.Collection
	server, invitationLinks                       *mongo.Collection
	readers, letters, preferences                 *mongo.Collection
	subscriptions, pushKeys                       *mongo.Collection
	emoji                                         *mongo.Collection
}

// Store is a store.Store in MongoDB.
type Store struct {
	*collections
	users
	accounts
	sessions
	lastSeen
	preferences
	subscriptions
	rooms
	members
	readers
	requests
	invitations
	invitationLinks
	bans
	networks
	mutes
	blocks
	reports
	letters
	acts
	servers
	keys
	intents
	emoji
}

var _ store.Store = (*Store)(nil)

// steps lead the database's schema forward: see docs/stores.md.
var steps = []mongodb.Step{
	// The schema of releases without versions: their databases have these indexes already.
	mongodb.Indexes("1 (first indexes)",
		mongodb.Index{Collection: "users", Fields: []string{"name_key"}, Unique: true},
		mongodb.Index{Collection: "sessions", Fields: []string{"expires"}},
		mongodb.Index{Collection: "rooms", Fields: []string{"private", "direct", "created"}},
		mongodb.Index{Collection: "members", Fields: []string{"room", "user"}, Unique: true},
		mongodb.Index{Collection: "members", Fields: []string{"user", "since"}},
		mongodb.Index{Collection: "members", Fields: []string{"room", "role", "since"}},
		mongodb.Index{Collection: "bans", Fields: []string{"room", "user"}, Unique: true},
		mongodb.Index{Collection: "bans", Fields: []string{"user", "room"}},
		mongodb.Index{Collection: "intents", Fields: []string{"created"}},
	),
	mongodb.Indexes("2 (indexes of looks)",
		mongodb.Index{Collection: "users", Fields: []string{"look"}},
		mongodb.Index{Collection: "users", Fields: []string{"look_lower"}},
		mongodb.Index{Collection: "rooms", Fields: []string{"look"}},
		mongodb.Index{Collection: "rooms", Fields: []string{"look_lower"}},
	),
	{Name: "3 (looks of the names that there are)", Run: fillLooks},
	mongodb.Indexes("4 (indexes of the audit log)",
		mongodb.Index{Collection: "acts", Fields: []string{"actor", "_id"}},
		mongodb.Index{Collection: "acts", Fields: []string{"subject", "_id"}},
		mongodb.Index{Collection: "acts", Fields: []string{"room", "_id"}},
		mongodb.Index{Collection: "acts", Fields: []string{"action", "_id"}},
	),
	mongodb.Indexes("5 (the end of bans, and blocks)",
		mongodb.Index{Collection: "bans", Fields: []string{"until"}},
		mongodb.Index{Collection: "blocks", Fields: []string{"user", "other"}, Unique: true},
		mongodb.Index{Collection: "blocks", Fields: []string{"other"}},
	),
	mongodb.Indexes("6 (indexes of mutes)",
		mongodb.Index{Collection: "mutes", Fields: []string{"room", "user"}, Unique: true},
		mongodb.Index{Collection: "mutes", Fields: []string{"user", "room"}},
		mongodb.Index{Collection: "mutes", Fields: []string{"until"}},
	),
	mongodb.Indexes("7 (sessions of a user, accounts)", accountIndexes...),
	mongodb.Indexes("8 (who made rooms, requests and invitations)",
		mongodb.Index{Collection: "rooms", Fields: []string{"creator", "created"}},
		mongodb.Index{Collection: "requests", Fields: []string{"from"}},
		mongodb.Index{Collection: "requests", Fields: []string{"to", "created"}},
		mongodb.Index{Collection: "requests", Fields: []string{"expires"}},
		mongodb.Index{Collection: "invites", Fields: []string{"user", "created"}},
		mongodb.Index{Collection: "invites", Fields: []string{"actor", "created"}},
		mongodb.Index{Collection: "invites", Fields: []string{"room", "user"}, Unique: true},
		mongodb.Index{Collection: "invites", Fields: []string{"expires"}},
	),
	mongodb.Indexes("9 (activity of public rooms)",
		mongodb.Index{Collection: "rooms", Fields: []string{"private", "direct", "active", "_id"}},
		mongodb.Index{Collection: "rooms", Fields: []string{"private", "direct", "size", "_id"}},
	),
	reportIndexes,
	mongodb.Indexes("11 (index of invitations)", mongodb.Index{Collection: "invitations", Fields: []string{"expires"}}),
	mongodb.Indexes("12 (index of mail addresses)", mongodb.Index{Collection: "accounts", Fields: []string{"mail_key"}}),
	readerIndexes,
	letterIndexes,
	// These indexes have all fields that the lists are sorted by. The shorter ones stay for the
	// earlier release; the next release drops them.
	mongodb.Indexes("15 (lists in their whole order)",
		mongodb.Index{Collection: "accounts", Fields: []string{"mail_key", "_id"}},
		mongodb.Index{Collection: "bans", Fields: []string{"until", "room", "user"}},
		mongodb.Index{Collection: "intents", Fields: []string{"created", "_id"}},
		mongodb.Index{Collection: "invites", Fields: []string{"actor", "created", "room", "user"}},
		mongodb.Index{Collection: "invites", Fields: []string{"expires", "room", "user"}},
		mongodb.Index{Collection: "invites", Fields: []string{"user", "created", "room"}},
		mongodb.Index{Collection: "members", Fields: []string{"room", "role", "since", "user"}},
		mongodb.Index{Collection: "members", Fields: []string{"user", "since", "room"}},
		mongodb.Index{Collection: "reports", Fields: []string{"reporter", "resolved", "_id"}},
		mongodb.Index{Collection: "reports", Fields: []string{"room", "resolved", "_id"}},
		mongodb.Index{Collection: "requests", Fields: []string{"expires", "_id"}},
		mongodb.Index{Collection: "requests", Fields: []string{"to", "created", "_id"}},
		mongodb.Index{Collection: "rooms", Fields: []string{"creator", "created", "_id"}},
		mongodb.Index{Collection: "rooms", Fields: []string{"private", "direct", "_id"}},
		mongodb.Index{Collection: "rooms", Fields: []string{"private", "direct", "created", "_id"}},
		mongodb.Index{Collection: "sessions", Fields: []string{"expires", "_id"}},
		mongodb.Index{Collection: "sessions", Fields: []string{"user", "created", "_id"}},
	),
	subscriptionIndexes,
	digestIndexes,
	emojiIndexes,
}

// App is the program's name for the server, and of its schema in the database.
const App = "hubbub-directory"

// Version returns this release's version of the schema.
func Version() int64 { return int64(len(steps)) }

// Collections returns the names of all collections in the order in which a backup copies them.
// Intents come before the records that they are about, so that a restored server announces
// unfinished changes again. Records come before those that refer to them.
func Collections() []string {
	return []string{
		"intents", "server", "signing_keys", "push_keys", "users", "accounts", "preferences", "sessions", "subscriptions", "tickets", "networks", "invitations",
		"rooms", "members", "bans", "mutes", "blocks", "requests", "invites", "readers", "reports", "letters", "emoji", "acts",
	}
}

// Open connects to the server; see mongodb.Open for the URL and the errors. log may be nil.
func Open(ctx context.Context, url string, log *zap.Logger) (*Store, error) {
	db, err := mongodb.Open(ctx, url, mongodb.Schema{App: App, Collection: "members", Steps: steps}, log)
	if err != nil {
		return nil, err
	}
	c := &collections{
		db: db, users: db.Collection("users"), sessions: db.Collection("sessions"), keys: db.Collection("signing_keys"),
		rooms: db.Collection("rooms"), members: db.Collection("members"), intent: db.Collection("intents"),
		bans:     db.Collection("bans"),
		acts:     db.Collection("acts"),
		blocks:   db.Collection("blocks"),
		mutes:    db.Collection("mutes"),
		reports:  db.Collection("reports"),
		accounts: db.Collection("accounts"), tickets: db.Collection("tickets"),
		requests: db.Collection("requests"), invitations: db.Collection("invites"),
		networks: db.Collection("networks"),
		server:   db.Collection("server"), invitationLinks: db.Collection("invitations"),
		readers: db.Collection("readers"), letters: db.Collection("letters"), preferences: db.Collection("preferences"),
		subscriptions: db.Collection("subscriptions"), pushKeys: db.Collection("push_keys"),
		emoji: db.Collection("emoji"),
	}
	return &Store{
		collections:     c,
		users:           users{c},
		accounts:        accounts{c},
		sessions:        sessions{c},
		lastSeen:        lastSeen{c},
		preferences:     preferences{c},
		subscriptions:   subscriptions{c},
		rooms:           rooms{c},
		members:         members{c},
		readers:         readers{c},
		requests:        requests{c},
		invitations:     invitations{c},
		invitationLinks: invitationLinks{c},
		bans:            bans{c},
		networks:        networks{c},
		mutes:           mutes{c},
		blocks:          blocks{c},
		reports:         reports{c},
		letters:         letters{c},
		acts:            acts{c},
		servers:         servers{c},
		keys:            keys{c},
		intents:         intents{c},
		emoji:           emoji{c},
	}, nil
}

// Close ends the connections.
func (s *Store) Close() error { return mongodb.Close(s.db) }
