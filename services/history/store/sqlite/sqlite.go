// Package sqlite keeps history's store in one SQLite file (https://sqlite.org), for one process at
// a time.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"slices"
	"sync"

	"go.uber.org/zap"

	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/history/store"
)

//go:embed steps/*.sql
var files embed.FS

// steps lead the file's schema forward: see docs/stores.md.
func steps() sqlitedb.Steps {
	sub, err := fs.Sub(files, "steps")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sqlitedb.Steps{Table: "entries", SQL: sub, Long: map[int64]func(context.Context, *sql.DB, *zap.Logger) error{8: move}}
}

// Version returns the version of the schema that this release has.
func Version() int64 { return steps().Last() }

// Store is a store.Store in a file.
type Store struct {
	*file
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

// file is what all parts of the store share.
type file struct {
	*sqlitedb.DB
	rooms, users numbers
	vocabulary   store.Vocabulary
	roomCache    roomCache
}

// The parts of the store, by their subjects.
type (
	entryStore struct {
		*file
		holdStore *holdStore
		waiting   queue
		appending sync.Mutex // held by who adds what waits
		tops      tops       // guarded by it
	}
	inboxStore     struct{ *file }
	mentionStore   struct{ *file }
	followStore    struct{ *file }
	holdStore      struct{ *file }
	jobStore       struct{ *file }
	pinStore       struct{ *file }
	retentionStore struct {
		*file
		holdStore  *holdStore
		entryStore *entryStore
	}
	saveStore   struct{ *file }
	searchStore struct {
		*file
		entryStore *entryStore
		tidying    tidying
	}
	threadStore struct{ *file }
)

var _ store.Store = (*Store)(nil)

// Open opens the file, which is made if it is missing. log may be nil. Errors: filelock.ErrLocked,
// schema.ErrNewer, schema.ErrForeign.
func Open(ctx context.Context, path string, log *zap.Logger) (*Store, error) {
	db, err := sqlitedb.Open(ctx, path, steps(), log)
	if err != nil {
		return nil, err
	}
	s := newStore(&file{DB: db, rooms: numbers{table: "rooms"}, users: numbers{table: "users"}})
	for _, text := range slices.Concat(writes, threadWrites, removals) {
		// Here, since nothing can be prepared while a transaction has the only connection.
		if _, err := db.Prepared(ctx, text); err != nil { //nolint:sqlclosecheck // it is kept until Close
			return nil, errors.Join(err, db.Close())
		}
	}
	return s, nil
}

func newStore(f *file) *Store {
	s := &Store{
		file: f, inboxStore: &inboxStore{f}, mentionStore: &mentionStore{f}, followStore: &followStore{f}, holdStore: &holdStore{f}, jobStore: &jobStore{f},
		pinStore: &pinStore{f}, saveStore: &saveStore{f}, threadStore: &threadStore{f},
	}
	s.entryStore = &entryStore{file: f, holdStore: s.holdStore, tops: make(tops)}
	s.retentionStore = &retentionStore{f, s.holdStore, s.entryStore}
	s.searchStore = &searchStore{file: f, entryStore: s.entryStore}
	return s
}
