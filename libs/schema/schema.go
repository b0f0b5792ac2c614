// Package schema is what the schema versions of all stores have in common: what is said of them, in
// logs and in errors. Packages sqlitedb and mongodb keep the version of a store and move it forward
// by numbered steps.
//
// The rules for steps are in docs/stores.md.
package schema

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// ErrNewer says that the store was written by a newer release, which this one may not read and must
// not write.
var ErrNewer = errors.New("the store is of a newer release")

// ErrForeign says that a store belongs to another program, or to another service of Hubbub. Nothing
// was changed in it.
var ErrForeign = errors.New("the store belongs to another program")

// Newer returns an error, which wraps ErrNewer, for a store at a version that the program does not
// know.
func Newer(store, program int64) error {
	return fmt.Errorf("%w: its schema has version %d, and this program knows %d; run the newer release again, or restore a backup from before its upgrade",
		ErrNewer, store, program)
}

// Failed returns the error of a step that failed. The store is then at the version before that
// step.
func Failed(step string, before int64, err error) error {
	return fmt.Errorf("schema step %s failed, and the store is still at version %d; mend the cause and start again: %w", step, before, err)
}

// Log writes which version a store was at and is at, and how long that took.
func Log(log *zap.Logger, from, to int64, took time.Duration) {
	switch {
	case log == nil:
	case from == to:
		log.Debug("the store's schema is current", zap.Int64("version", to))
	default:
		log.Info("migrated the store's schema", zap.Int64("from", from), zap.Int64("to", to), zap.Duration("took", took))
	}
}
