// Package storeurl opens directory's store by its URL: the one place that knows both adapters.
package storeurl

import (
	"context"

	"go.uber.org/zap"

	"hubbub.internal/libs/storeurl"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/mongo"
	"hubbub.internal/services/directory/store/sqlite"
)

// Config is a program's configuration of the store.
type Config = storeurl.Config

// Open opens the store, locks it if it is SQLite, and migrates its schema, which it logs; log may
// be nil. Errors say what to do.
func Open(ctx context.Context, cfg Config, log *zap.Logger) (store.Store, error) {
	return storeurl.Open(ctx, cfg,
		func(ctx context.Context, path string) (store.Store, error) { return sqlite.Open(ctx, path, log) },
		func(ctx context.Context, url string) (store.Store, error) { return mongo.Open(ctx, url, log) })
}
