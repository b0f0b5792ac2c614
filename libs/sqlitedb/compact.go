package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
)

// compactFrom is how much of a file, in bytes, is free at least when it is written anew.
const compactFrom = 64 << 20

// mostlyFree reports whether more than half of a file, and no little, is free. Free space is used
// again for what comes; only after much was removed, or moved into another form, there is so much.
func mostlyFree(size, free int64) bool { return free >= compactFrom && free > size/2 }

// wasteful reports how large the file is, how much of it is free, and whether that is too much.
func wasteful(ctx context.Context, db *sql.DB) (size, free int64, much bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT c.page_count * s.page_size, f.freelist_count * s.page_size
		FROM pragma_page_count() c, pragma_freelist_count() f, pragma_page_size() s`).Scan(&size, &free)
	if err != nil {
		return 0, 0, false, fmt.Errorf("free pages: %w", err)
	}
	return size, free, mostlyFree(size, free), nil
}

// compact writes the file anew, without what is free in it, beside the old one, whose place it then
// takes in one step. The only connection is closed. Where that cannot be done, as on a disk that
// has no room, or while another program has the file open, the old one stays.
func compact(ctx context.Context, db *sql.DB, path string) (err error) {
	to := path + ".compact"
	defer func() {
		if err != nil {
			_ = os.Remove(to)
		}
	}()
	// of a process that was killed
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, db.Close())
	}
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	if err := errors.Join(err, f.Sync(), f.Close(), db.Close()); err != nil {
		return err
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		// The last program to close a file takes these away. While they are there another one reads
		// or writes the old file.
		if _, err := os.Stat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(errors.New("another program has the file open"), err)
		}
	}
	if err := os.Rename(to, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder has the names in a folder reach the disk, where the system knows that.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_ = f.Sync() // Windows cannot, and need not
	return f.Close()
}

// compacted returns the open file, written anew if much of it was free.
func compacted(ctx context.Context, db *sql.DB, path string, log *zap.Logger) (*sql.DB, error) {
	size, free, much, err := wasteful(ctx, db)
	if err != nil || !much {
		return db, err
	}
	began := time.Now()
	about := []zap.Field{zap.String("file", path), zap.Int64("bytes", size), zap.Int64("free", free)}
	log.Info("more than half of the store's file is free; compacting it", about...)
	failed := compact(ctx, db, path)
	if db, err = connectWriter(path); err != nil {
		return nil, err
	}
	if failed != nil {
		log.Warn("could not compact the store's file; its free space is used for new records", append(about, zap.Error(failed))...)
	} else {
		log.Info("compacted the store's file", zap.String("file", path), zap.Duration("took", time.Since(began)))
	}
	return db, nil
}
