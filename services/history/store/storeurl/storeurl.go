// Package storeurl opens history's store by its URL: the one place that knows both adapters.
package storeurl

import (
	"context"

	"go.uber.org/zap"

	"hubbub.internal/libs/storeurl"
	"hubbub.internal/services/history/store"
	"hubbub.internal/services/history/store/mongo"
	"hubbub.internal/services/history/store/sqlite"
)

// Config is what a program can be told about the store.
type Config = storeurl.Config

// Open opens the store, in which the caller is then alone if it is SQLite, and moves its schema
// forward; log, which may be nil, is told. Errors say what to do.
func Open(ctx context.Context, cfg Config, log *zap.Logger) (store.Store, error) {
	return storeurl.Open(ctx, cfg,
		func(ctx context.Context, path string) (store.Store, error) { return sqlite.Open(ctx, path, log) },
		func(ctx context.Context, url string) (store.Store, error) { return mongo.Open(ctx, url, log) })
}
