package mongo

import (
	"context"
	"errors"

	"hubbub.internal/services/directory/store"
)

// theServer is the key of the server's one record.
const theServer = "server"

// servers is a store.Servers.
type servers struct{ *collections }

// Server implements store.Store.
func (s servers) Server(ctx context.Context) (store.Server, error) {
	r, err := one[store.Server](ctx, "server", s.server, by("_id", theServer))
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return r, err
}

// PutServer implements store.Store. It sets the fields that this release knows, and leaves those of
// a newer one.
func (s servers) PutServer(ctx context.Context, r store.Server) error {
	version := r.Version
	r.Version++
	if version == 0 {
		return insert(ctx, "put server", s.server, struct {
			ID           string `bson:"_id"`
			store.Server `bson:",inline"`
		}{theServer, r})
	}
	done, err := s.server.UpdateOne(ctx, append(by("_id", theServer), by("version", version)...), by("$set", r))
	if err == nil && done.MatchedCount == 0 {
		err = store.ErrConflict
	}
	return wrap("put server", err)
}
