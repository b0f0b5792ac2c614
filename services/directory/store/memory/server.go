package memory

import (
	"context"

	"hubbub.internal/services/directory/store"
)

// servers is a store.Servers.
type servers struct{ *records }

// Server implements store.Store.
func (s servers) Server(ctx context.Context) (r store.Server, err error) {
	return r, s.do(ctx, "Server", func() error {
		r = s.server.Clone()
		return nil
	})
}

// PutServer implements store.Store.
func (s servers) PutServer(ctx context.Context, r store.Server) error {
	return s.do(ctx, "PutServer", func() error {
		if s.server.Version != r.Version {
			return store.ErrConflict
		}
		r = r.Clone()
		r.Version++
		s.server = r
		return nil
	})
}

// Forget removes the server's record, which stores from earlier releases do not have.
func (s *Store) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server = store.Server{}
}
