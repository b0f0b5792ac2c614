// Package storeurl reads the URL of a service's store, and opens the one of two adapters that it
// names. It links neither: the service brings both.
package storeurl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hubbub.internal/libs/await"
)

// Config is what a program can be told about the store; embed it in the program's configuration.
type Config struct {
	Store string `help:"URL of the store: mongodb:// or mongodb+srv://, or sqlite:<file> for one process alone." default:"mongodb://127.0.0.1:27017/hubbub" placeholder:"URL"`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	switch scheme, rest, _ := strings.Cut(c.Store, ":"); {
	case scheme == "mongodb", scheme == "mongodb+srv":
		return nil
	case scheme == "sqlite" && strings.TrimPrefix(rest, "//") == "":
		return errors.New("--store is sqlite: and names no file; it has to be like sqlite:data/name.db")
	case scheme == "sqlite":
		return nil
	default:
		return fmt.Errorf("--store has the unknown scheme %.20q; it has to be one of mongodb mongodb+srv sqlite", scheme)
	}
}

// Open opens the store: sqlite is given the path of a file, mongo a URL. Errors say what to do.
// Those of sqlite are final (package await), for there is no server that could be waited for. With
// an error it returns no store: what an adapter returns then may be a nil pointer, which in an
// interface is not nil.
func Open[S any](ctx context.Context, cfg Config, sqlite, mongo func(context.Context, string) (S, error)) (S, error) {
	store, err := open(ctx, cfg, sqlite, mongo)
	if err != nil {
		var none S
		return none, err
	}
	return store, nil
}

func open[S any](ctx context.Context, cfg Config, sqlite, mongo func(context.Context, string) (S, error)) (store S, err error) {
	if err := cfg.Validate(); err != nil {
		return store, await.Final(err)
	}
	if path, ok := strings.CutPrefix(cfg.Store, "sqlite:"); ok {
		store, err = sqlite(ctx, strings.TrimPrefix(path, "//"))
		return store, await.Final(err)
	}
	return mongo(ctx, cfg.Store)
}
