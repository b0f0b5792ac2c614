package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"hubbub.internal/libs/filelock"
	"hubbub.internal/libs/mongodb"
	"hubbub.internal/libs/sqlitedb"
	directorymongo "hubbub.internal/services/directory/store/mongo"
	directorysqlite "hubbub.internal/services/directory/store/sqlite"
	historymongo "hubbub.internal/services/history/store/mongo"
	historysqlite "hubbub.internal/services/history/store/sqlite"
	"hubbub.internal/services/hubbub/backup/archive"
)

// The kinds of stores.
const (
	kindSQLite = "sqlite"
	kindMongo  = "mongodb"
)

// original is a store to copy.
type original interface {
	describe(ctx context.Context) (archive.Store, error)
	copy(ctx context.Context, a *archive.Writer) error
	close() error
}

// programs has, for each service, the names of its stores and the newest versions of their schemas.
var programs = map[string]struct {
	app         string
	collections []string
	newest      map[string]int64 // by kind
}{
	directory: {directorymongo.App, directorymongo.Collections(), map[string]int64{kindSQLite: directorysqlite.Version(), kindMongo: directorymongo.Version()}},
	history:   {historymongo.App, historymongo.Collections(), map[string]int64{kindSQLite: historysqlite.Version(), kindMongo: historymongo.Version()}},
}

// Newest returns this release's version of the schema of a service's store of a kind (sqlite or
// mongodb).
func Newest(service, kind string) int64 { return programs[service].newest[kind] }

// App returns the name of a service's schema in MongoDB.
func App(service string) string { return programs[service].app }

// SQLiteFile returns the file of an SQLite store; false: this is not the URL of one.
func SQLiteFile(url string) (string, bool) {
	path, ok := strings.CutPrefix(url, kindSQLite+":")
	return strings.TrimPrefix(path, "//"), ok
}

func openOriginal(ctx context.Context, service, url string) (original, error) {
	if path, ok := SQLiteFile(url); ok {
		return copyFile(ctx, service, path)
	}
	s, err := mongodb.OpenStock(ctx, url, programs[service].app, programs[service].collections)
	if err != nil {
		return nil, fmt.Errorf("store of %s: %w", service, err)
	}
	return &stock{s, service}, nil
}

// copied is a temporary copy of an SQLite file, beside it.
type copied struct {
	service, path string
	contents      sqlitedb.Contents
	lock          *os.File
}

// copyFile copies an SQLite file as it is now.
func copyFile(ctx context.Context, service, path string) (original, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("store of %s: %w: is that the data folder?", service, err)
	}
	to := path + ".backup"
	lock, err := filelock.Lock(to + ".lock")
	if errors.Is(err, filelock.ErrLocked) {
		return nil, fmt.Errorf("another backup of %s is being made: %w", path, err)
	}
	if err != nil {
		return nil, err
	}
	c := &copied{service: service, path: to, lock: lock}
	// the rest of a killed backup
	if err = os.Remove(to); err == nil || errors.Is(err, fs.ErrNotExist) {
		err = sqlitedb.Copy(ctx, path, to)
	}
	if err == nil {
		c.contents, err = sqlitedb.Inspect(ctx, to)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store of %s: %w", service, err), c.close())
	}
	return c, nil
}

func (c *copied) describe(context.Context) (archive.Store, error) {
	return archive.Store{Kind: kindSQLite, Schema: c.contents.Version}, nil
}

func (c *copied) copy(_ context.Context, a *archive.Writer) error {
	f, err := os.Open(c.path)
	if err != nil {
		return fmt.Errorf("copy of the store of %s: %w", c.service, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("copy of the store of %s: %w", c.service, err)
	}
	for table, n := range c.contents.Rows {
		a.Count(c.service+"/"+table, n)
	}
	return a.Add(c.service+".db", info.Size(), f)
}

func (c *copied) close() error {
	err := os.Remove(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(c.path+".lock"), c.lock.Close())
}

// stock is a service's store in MongoDB.
type stock struct {
	*mongodb.Stock
	service string
}

func (s *stock) describe(ctx context.Context) (archive.Store, error) {
	v, err := s.Version(ctx)
	if err != nil || v > 0 {
		return archive.Store{Kind: kindMongo, Schema: v}, err
	}
	counts, err := s.Count(ctx) // of a release without versions, or of no Hubbub
	if err == nil && len(counts) == 0 {
		err = fmt.Errorf("the database of --%s-store has nothing of %s: is it the right one?", s.service, s.service)
	}
	return archive.Store{Kind: kindMongo, Schema: v}, err
}

func (s *stock) copy(ctx context.Context, a *archive.Writer) error {
	indexes, err := s.Indexes(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(indexes)
	if err != nil {
		return fmt.Errorf("indexes of %s: %w", s.service, err)
	}
	if err := a.Add(s.service+"/indexes.json", int64(len(text)), bytes.NewReader(text)); err != nil {
		return err
	}
	number := make(map[string]int)
	return s.Dump(ctx, func(collection string, batch []byte, n int64) error {
		number[collection]++
		a.Count(s.service+"/"+collection, n)
		return a.Add(fmt.Sprintf("%s/%s/%08d.bson", s.service, collection, number[collection]), int64(len(batch)), bytes.NewReader(batch))
	})
}

func (s *stock) close() error { return s.Close() }
