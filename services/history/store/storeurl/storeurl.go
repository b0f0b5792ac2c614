// Package storeurl opens history's store by its URL: the one place that knows both adapters.
package storeurl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hubbub.internal/services/history/store"
	"hubbub.internal/services/history/store/mongo"
	"hubbub.internal/services/history/store/sqlite"
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
		return errors.New("--store=sqlite: names no file: write it like sqlite:data/history.db")
	case scheme == "sqlite":
		return nil
	default:
		return fmt.Errorf("--store has the unknown scheme %.20q: it is one of mongodb mongodb+srv sqlite", scheme)
	}
}

// Open opens the store, in which the caller is then alone if it is SQLite. Errors say what to do.
func Open(ctx context.Context, cfg Config) (store.Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(cfg.Store, "sqlite:"); ok {
		s, err := sqlite.Open(ctx, strings.TrimPrefix(path, "//"))
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := mongo.Open(ctx, cfg.Store)
	if err != nil {
		return nil, err
	}
	return s, nil
}
