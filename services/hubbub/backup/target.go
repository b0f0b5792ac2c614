package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/filelock"
	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/hubbub/admin"
	"hubbub.internal/services/hubbub/backup/archive"
)

// directoryService is a service that answers while a directory runs.
const directoryService = directoryapi.ServiceKeys

// target is the sink that writes the restored stores. finish puts them in place; close removes them
// if finish was not called.
type target struct {
	header archive.Header
	files  map[string]string // path of each SQLite store, by service
	stocks map[string]*mongodb.Stock
	locks  []*os.File
	old    []string // existing files to put aside
	aside  string   // folder for them; empty: there are none

	seen   map[string]bool // services with at least one part
	index  map[string][]mongodb.Index
	parked []letter
	whole  bool
}

// target returns the sink for a backup, or an error if the stores exist and --replace is not set.
func (r *Restore) target(ctx context.Context, h archive.Header) (_ *target, err error) {
	t := &target{
		header: h, files: make(map[string]string), stocks: make(map[string]*mongodb.Stock), seen: make(map[string]bool), index: make(map[string][]mongodb.Index),
	}
	defer func() {
		if err != nil {
			t.unlock()
		}
	}()
	if err := r.stopped(); err != nil {
		return nil, err
	}
	historyURL, directoryURL := r.Stores()
	for _, s := range []struct{ service, url string }{{directory, directoryURL}, {history, historyURL}} {
		path, sqlite := SQLiteFile(s.url)
		if kind := h.Stores[s.service].Kind; sqlite != (kind == kindSQLite) {
			return nil, fmt.Errorf("the backup has a store of %s in %s; --store has to be of that kind", s.service, kind)
		}
		if sqlite {
			err = t.addFile(s.service, path)
		} else {
			err = t.addStock(ctx, s.service, s.url, r.Replace)
		}
		if err != nil {
			return nil, err
		}
	}
	if dir := r.BusFolder(); dir != "" && !r.KeepLog {
		if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
			t.old = append(t.old, dir)
		}
	}
	if len(t.old) > 0 && !r.Replace {
		return nil, fmt.Errorf("%s is there already: restore into an empty folder, or put it aside with --replace", t.old[0])
	}
	if len(t.old) > 0 {
		t.aside = filepath.Join(r.Data, "replaced-"+time.Now().UTC().Format("20060102T150405.000Z"))
	}
	if r.Replace {
		for _, s := range t.stocks {
			if err := s.Clear(ctx); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// stopped returns an error if a `hubbub up` runs in the data folder.
func (r *Restore) stopped() error {
	c, err := net.Dial("unix", filepath.Join(r.Data, admin.Socket))
	if err != nil {
		return nil
	}
	_ = c.Close()
	return fmt.Errorf("a hubbub up runs in %s: stop it before restoring", r.Data)
}

func (t *target) addFile(service, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	lock, err := filelock.Lock(path + ".lock")
	if err != nil {
		return fmt.Errorf("restore: %w: stop it first", err)
	}
	t.locks = append(t.locks, lock)
	t.files[service] = path
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if _, err := os.Lstat(name); err == nil {
			t.old = append(t.old, name)
		}
	}
	return nil
}

func (t *target) addStock(ctx context.Context, service, url string, replace bool) error {
	s, err := mongodb.OpenStock(ctx, url, programs[service].app, programs[service].collections)
	if err != nil {
		return fmt.Errorf("store of %s: %w", service, err)
	}
	t.stocks[service] = s
	counts, err := s.Count(ctx)
	if err != nil {
		return err
	}
	v, err := s.Version(ctx)
	if err != nil {
		return err
	}
	if (len(counts) > 0 || v != 0) && !replace {
		return fmt.Errorf("the database has data of %s already, from an installation or an interrupted restore: restore into an empty one, or replace them with --replace", service)
	}
	return nil
}

// unlock releases the locks of the stores.
func (t *target) unlock() {
	for _, s := range t.stocks {
		_ = s.Close()
	}
	t.stocks = nil
	for _, l := range t.locks {
		_ = l.Close()
	}
	t.locks = nil
}

// written returns the name of a file during the restore.
func written(path string) string { return path + ".restore" }

func (t *target) file(_ context.Context, service string, body io.Reader) (string, error) {
	path, ok := t.files[service]
	if !ok {
		return "", fmt.Errorf("%w: it has a file of %s", archive.ErrDamaged, service)
	}
	// the rest of a killed restore
	if err := os.Remove(written(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("restore: %w", err)
	}
	t.seen[service] = true
	return written(path), writeFile(written(path), body)
}

func (t *target) batch(ctx context.Context, service, collection string, documents []byte) error {
	s, ok := t.stocks[service]
	if !ok {
		return fmt.Errorf("%w: it has documents of %s", archive.ErrDamaged, service)
	}
	t.seen[service] = true
	_, err := s.Load(ctx, collection, documents)
	return err
}

func (t *target) indexes(service string, all []mongodb.Index) {
	t.seen[service] = true
	t.index[service] = all
}

func (t *target) letters(all []letter) { t.parked = all }

// finish puts the written stores in place.
func (t *target) finish(ctx context.Context, want map[string]int64) error {
	for service, s := range t.stocks {
		counts, err := s.Count(ctx)
		if err != nil {
			return err
		}
		got := make(map[string]int64)
		for c, n := range counts {
			got[service+"/"+c] = n
		}
		of := make(map[string]int64)
		for _, c := range programs[service].collections {
			of[service+"/"+c] = want[service+"/"+c]
		}
		if err := compare("the restored store", got, of); err != nil {
			return err
		}
		if err := s.Finish(ctx, t.index[service], t.header.Stores[service].Schema); err != nil {
			return err
		}
	}
	if t.aside != "" {
		if err := os.MkdirAll(t.aside, 0o700); err != nil {
			return fmt.Errorf("put aside what is there: %w", err)
		}
	}
	for _, path := range t.old {
		if err := os.Rename(path, filepath.Join(t.aside, filepath.Base(path))); err != nil {
			return fmt.Errorf("put aside what is there: %w", err)
		}
	}
	for _, path := range t.files {
		if err := os.Rename(written(path), path); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		if err := syncFolder(filepath.Dir(path)); err != nil {
			return err
		}
	}
	t.whole = true
	// The services, and the migration of schemas, lock the files themselves.
	t.unlock()
	return nil
}

// close removes what was written, unless finish has put it in place.
func (t *target) close() error {
	if t.whole {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var errs []error
	for service, path := range t.files {
		if t.seen[service] {
			errs = append(errs, os.Remove(written(path)))
		}
	}
	for service, s := range t.stocks {
		if !t.seen[service] {
			continue
		}
		if err := s.Clear(ctx); err != nil {
			errs = append(errs, fmt.Errorf("what was restored of %s stays behind; restore again with --replace: %w", service, err))
		}
	}
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool { return err == nil || errors.Is(err, fs.ErrNotExist) })...)
}
