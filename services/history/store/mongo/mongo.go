// Package mongo keeps history's store in MongoDB, or a server that speaks its protocol. Any number
// of processes may share it. It needs no transactions, change streams, $lookup or TTL indexes.
package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/zap"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/history/store"
)

// Store is a store.Store in MongoDB.
type Store struct {
	*collections
	*appendStore
	*entryStore
	*inboxStore
	*mentionStore
	*followStore
	*holdStore
	*jobStore
	*pinStore
	*retentionStore
	*saveStore
	*searchStore
	*threadStore
}

// collections are what all parts of the store share.
type collections struct {
	db                              *mongo.Database
	entries, reads, jobs, threads   *mongo.Collection
	mentions, mentioned, unresolved *mongo.Collection
	follows, saved                  *mongo.Collection
	found, words, indexing          *mongo.Collection
	removed, sweep, holds, held     *mongo.Collection
}

// The parts of the store, by their subjects.
type (
	entryStore  struct{ *collections } // reads entries
	appendStore struct {               // writes and removes them
		*collections
		entryStore  *entryStore
		holdStore   *holdStore
		searchStore *searchStore
		threadStore *threadStore
	}
	inboxStore struct {
		*collections
		entryStore *entryStore
	}
	mentionStore   struct{ *collections }
	followStore    struct{ *collections }
	holdStore      struct{ *collections }
	jobStore       struct{ *collections }
	pinStore       struct{ *collections }
	retentionStore struct {
		*collections
		holdStore   *holdStore
		searchStore *searchStore
		threadStore *threadStore
	}
	saveStore   struct{ *collections }
	searchStore struct {
		*collections
		vocabulary store.Vocabulary
		tidying    tidying
	}
	threadStore struct {
		*collections
		entryStore *entryStore
	}
)

var _ store.Store = (*Store)(nil)

// record is an entry as a document.
type record struct {
	Key         string `bson:"_id"`
	store.Entry `bson:",inline"`
	// Root names the root of the thread that a message is an answer in, and Gone: it was deleted.
	Root string `bson:"root,omitempty"`
	Gone bool   `bson:"gone,omitempty"`
	// Original is the Data of a message as it was before it was edited; Data has no text then.
	Original []byte `bson:"original,omitempty"`
}

// steps lead the database's schema forward: see docs/stores.md.
var steps = []mongodb.Step{
	// As it was before it had versions: a database of that time has these indexes already.
	mongodb.Indexes("1 (first indexes)",
		mongodb.Index{Collection: "entries", Fields: []string{"room", "sender", "id"}, Unique: true},
		mongodb.Index{Collection: "entries", Fields: []string{"room", "type", "seq"}},
		mongodb.Index{Collection: "entries", Fields: []string{"room", "id"}},
		mongodb.Index{Collection: "entries", Fields: []string{"room", "target"}},
		mongodb.Index{Collection: "entries", Fields: []string{"seq"}},
		mongodb.Index{Collection: "reads", Fields: []string{"user"}},
	),
	{Name: "2 (authors)", Run: addAuthors},
	{Name: "3 (slots)", Run: addSlots, Indexes: slotIndexes},
	jobIndexes,
	mongodb.Indexes("5 (messages of a user)", mongodb.Index{Collection: "entries", Fields: []string{"sender", "type", "_id"}}),
	// The index (room, type, seq) is left for the release before, whose queries no index serves
	// either; the release after this one drops it.
	mongodb.Indexes("6 (messages of a page)", mongodb.Index{Collection: "entries", Fields: []string{"room", "type", "seq", "_id"}}),
	inboxIndexes("7 (what is new to users)"),
	searchIndexes("8 (search)"),
	threadIndexes("9 (threads)"),
	removalIndexes("10 (retention)"),
	resetIndexes("11 (resets)"),
	holdIndexes("12 (holds)"),
	{Name: "13 (followed threads)", Run: addFollows, Indexes: followIndexes},
	savedIndexes("14 (saved messages)"),
	{Name: "15 (words of removed messages)", Run: markUnverified, Indexes: unverifiedIndexes},
}

// App names the program to the server, and its schema in the database.
const App = "hubbub-history"

// Version returns the version of the schema that this release has.
func Version() int64 { return int64(len(steps)) }

// Collections returns the names of all collections, in the order in which a backup copies them.
// Jobs come first: one that ends after it was copied is done again on what was copied later; so is
// what is to be indexed.
// Entries come last, so that everything before them is as old or older.
func Collections() []string {
	return []string{"jobs", "indexing", "reads", "unresolved", "mentions", "mentioned", "words", "found", "follows", "threads", "saved", "sweep", "removed", "holds", "held", "entries"}
}

// Open connects to the server; see mongodb.Open for the URL and the errors. log may be nil.
func Open(ctx context.Context, url string, log *zap.Logger) (*Store, error) {
	db, err := mongodb.Open(ctx, url, mongodb.Schema{App: App, Collection: "entries", Steps: steps}, log)
	if err != nil {
		return nil, err
	}
	return newStore(&collections{
		db: db, entries: db.Collection("entries"), reads: db.Collection("reads"), jobs: db.Collection("jobs"), threads: db.Collection("threads"),
		mentions: db.Collection("mentions"), mentioned: db.Collection("mentioned"), unresolved: db.Collection("unresolved"),
		found: db.Collection("found"), words: db.Collection("words"), indexing: db.Collection("indexing"),
		follows: db.Collection("follows"), saved: db.Collection("saved"),
		removed: db.Collection("removed"), sweep: db.Collection("sweep"),
		holds: db.Collection("holds"), held: db.Collection("held"),
	}), nil
}

func newStore(c *collections) *Store {
	s := &Store{
		collections: c, mentionStore: &mentionStore{c}, followStore: &followStore{c}, holdStore: &holdStore{c}, jobStore: &jobStore{c}, pinStore: &pinStore{c},
		saveStore: &saveStore{c}, searchStore: &searchStore{collections: c}, entryStore: &entryStore{c},
	}
	s.threadStore = &threadStore{c, s.entryStore}
	s.appendStore = &appendStore{c, s.entryStore, s.holdStore, s.searchStore, s.threadStore}
	s.inboxStore = &inboxStore{c, s.entryStore}
	s.retentionStore = &retentionStore{c, s.holdStore, s.searchStore, s.threadStore}
	return s
}

// Close ends the connections.
func (s *Store) Close() error { return mongodb.Close(s.db) }

// duplicateKey is the server's error code for a key that is taken.
const duplicateKey = 11000

// Append implements store.Store. An error may leave the first of the entries kept: repeat it. They
// are inserted in order, so that a room never has a hole: whoever reads it takes what comes behind
// its last entry from the log.
func (s *appendStore) Append(ctx context.Context, entries []store.Entry) (store.Outcome, error) {
	var out store.Outcome
	all := entries
	for checked := false; len(entries) > 0; {
		n, err := s.insert(ctx, entries)
		if err != nil {
			return store.Outcome{}, fmt.Errorf("append entries: %w", err)
		}
		if n == len(entries) {
			break
		}
		if err := s.explain(ctx, entries[n], &out); err != nil {
			return store.Outcome{}, fmt.Errorf("append entries: %w", err)
		}
		entries = entries[n+1:]
		if !checked {
			// Where one is there already, most are: the log hands a batch over again that was not
			// acknowledged.
			if entries, err = s.missing(ctx, entries); err != nil {
				return store.Outcome{}, err
			}
			checked = true
		}
	}
	// Also of what was there already: it may have been kept by a call that came no further.
	if err := s.supersede(ctx, all); err != nil {
		return store.Outcome{}, fmt.Errorf("append entries: %w", err)
	}
	if err := s.searchStore.addTerms(ctx, all, out); err != nil {
		return store.Outcome{}, err
	}
	if err := s.threadStore.settleThreads(ctx, all); err != nil {
		return store.Outcome{}, fmt.Errorf("append entries: %w", err)
	}
	return out, nil
}

// insert adds entries up to the first whose key is taken, and returns how many those are.
func (s *appendStore) insert(ctx context.Context, entries []store.Entry) (int, error) {
	docs := make([]record, len(entries))
	for i, e := range entries {
		docs[i] = recordOf(store.Key(e.Room, e.Seq), e)
	}
	_, err := s.entries.InsertMany(ctx, docs, options.InsertMany().SetOrdered(true))
	if err == nil {
		return len(entries), nil
	}
	bulk, ok := errors.AsType[mongo.BulkWriteException](err)
	if !ok || bulk.WriteConcernError != nil || len(bulk.WriteErrors) != 1 {
		return 0, err
	}
	w := bulk.WriteErrors[0]
	if w.Code != duplicateKey || w.Index < 0 || w.Index >= len(entries) {
		return 0, err
	}
	return w.Index, nil
}

// missing returns the entries, in order, without those that are kept already.
func (s *appendStore) missing(ctx context.Context, entries []store.Entry) ([]store.Entry, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	keys := make([]string, len(entries))
	for i, e := range entries {
		keys[i] = store.Key(e.Room, e.Seq)
	}
	kept, err := s.list(ctx, "entries that are there", bson.D{field("_id", bson.D{field("$in", keys)})}, field("_id", 1), 0)
	if err != nil {
		return nil, err
	}
	type name struct{ key, sender, id string }
	there := make(map[name]bool, len(kept))
	for _, e := range kept {
		there[name{store.Key(e.Room, e.Seq), e.Sender, e.ID}] = true
	}
	var rest []store.Entry
	for i, e := range entries {
		if !there[name{keys[i], e.Sender, e.ID}] {
			rest = append(rest, e)
		}
	}
	return rest, nil
}

// explain finds out why an entry could not be added.
func (s *appendStore) explain(ctx context.Context, e store.Entry, out *store.Outcome) error {
	var same record
	err := s.entries.FindOne(ctx, bson.D{{Key: "room", Value: e.Room}, {Key: "sender", Value: e.Sender}, {Key: "id", Value: e.ID}}).Decode(&same)
	switch {
	case err == nil && same.Seq == e.Seq:
		return nil // it is there
	case err == nil:
		out.Repeats = append(out.Repeats, store.Repeat{Entry: e, First: same.Seq})
		return nil
	case !errors.Is(err, mongo.ErrNoDocuments):
		return err
	}
	if _, err := s.entries.InsertOne(ctx, recordOf(store.ConflictKey(e), e)); err != nil && !mongo.IsDuplicateKeyError(err) {
		return err
	}
	out.Conflicts = append(out.Conflicts, e)
	return nil
}
