package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/hubbub/backup/archive"
)

// verifyFile checks a whole backup, and prints what is in it.
func verifyFile(ctx context.Context, path string, out io.Writer) error {
	h, m, err := verified(ctx, path)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s is whole: made at %s by hubbub %s, with %s\n", path, h.Made.Format("2006-01-02 15:04:05 MST"), h.Version, strings.Join(total(m.Counts), ", "))
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// verified reads a whole backup, checks sums and counts, and that this release knows all of its
// content.
func verified(ctx context.Context, path string) (archive.Header, archive.Manifest, error) {
	return read(ctx, path, func(archive.Header) (sink, error) {
		dir, err := os.MkdirTemp("", "hubbub-verify-")
		if err != nil {
			return nil, fmt.Errorf("folder for the files of SQLite: %w; TMPDIR names another", err)
		}
		return &counter{dir: dir}, nil
	})
}

// sink receives the parts of a backup.
type sink interface {
	// file receives the file of an SQLite store, and returns where it put it.
	file(ctx context.Context, service string, body io.Reader) (path string, err error)
	// batch receives documents of a MongoDB store.
	batch(ctx context.Context, service, collection string, documents []byte) error
	indexes(service string, all []mongodb.Index)
	letters(all []letter)
	// finish is called after a complete and undamaged backup, with all counts.
	finish(ctx context.Context, counts map[string]int64) error
	close() error
}

// read reads a backup into a sink, which open makes from the header, and compares the counts with
// those of the manifest. It closes the sink.
func read(ctx context.Context, path string, open func(archive.Header) (sink, error)) (h archive.Header, m archive.Manifest, err error) {
	f, err := os.Open(path)
	if err != nil {
		return h, m, fmt.Errorf("backup: %w", err)
	}
	defer f.Close()
	var to sink
	defer func() {
		if to != nil {
			err = errors.Join(err, to.close())
		}
	}()
	counts := make(map[string]int64)
	names := make(map[string]bool)
	h, m, err = archive.Read(f, func(h archive.Header) (err error) {
		if err := known(h); err != nil {
			return err
		}
		to, err = open(h)
		return err
	}, func(name string, size int64, body io.Reader) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		names[name] = true
		return part(ctx, to, counts, name, size, body)
	})
	if err != nil {
		return h, m, fmt.Errorf("%s: %w", path, err)
	}
	if err := compare(path, counts, m.Counts); err != nil {
		return h, m, err
	}
	for service, s := range h.Stores {
		if s.Kind == kindSQLite && !names[service+".db"] || s.Kind == kindMongo && !names[service+"/indexes.json"] {
			return h, m, fmt.Errorf("%s: %w: it has nothing of %s", path, archive.ErrDamaged, service)
		}
	}
	return h, m, to.finish(ctx, counts)
}

// known returns an error if this release does not know the stores or versions of a backup.
func known(h archive.Header) error {
	for _, service := range []string{directory, history} {
		s, ok := h.Stores[service]
		if !ok {
			return fmt.Errorf("%w: it has no store of %s", archive.ErrDamaged, service)
		}
		newest, ok := programs[service].newest[s.Kind]
		if !ok || s.Schema > newest {
			return fmt.Errorf("%w, %s: its store of %s (%s) has a schema of version %d, and this program knows %d: use that release",
				archive.ErrNewer, h.Version, service, s.Kind, s.Schema, newest)
		}
	}
	return nil
}

// maxBatch limits a batch of documents, in bytes. It has room for any one document.
const maxBatch = 32 << 20

// part passes a part to the sink, and counts its records.
func part(ctx context.Context, to sink, counts map[string]int64, name string, size int64, body io.Reader) error {
	service, rest, _ := strings.Cut(name, "/")
	switch {
	case name == directory+".db" || name == history+".db":
		service := strings.TrimSuffix(name, ".db")
		path, err := to.file(ctx, service, body)
		if err != nil {
			return err
		}
		// a damaged file may be unreadable, and its sum is only known at the end
		c, err := sqlitedb.Inspect(ctx, path)
		if err != nil {
			return fmt.Errorf("%w: %w", archive.ErrDamaged, err)
		}
		for table, n := range c.Rows {
			counts[service+"/"+table] += n
		}
	case name == lettersName:
		all, err := readLetters(body)
		if err != nil {
			return fmt.Errorf("%w: %w", archive.ErrDamaged, err)
		}
		counts[history+"/dead-letters"] += int64(len(all))
		to.letters(all)
	case rest == "indexes.json":
		var all []mongodb.Index
		if err := json.NewDecoder(body).Decode(&all); err != nil {
			return fmt.Errorf("%w: %s: %w", archive.ErrDamaged, name, err)
		}
		to.indexes(service, all)
	case strings.HasSuffix(rest, ".bson"):
		if size > maxBatch {
			return fmt.Errorf("%w: %s has %d bytes", archive.ErrDamaged, name, size)
		}
		documents, err := io.ReadAll(body)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		n, err := mongodb.Documents(documents, nil)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", archive.ErrDamaged, name, err)
		}
		collection := filepath.ToSlash(filepath.Dir(rest))
		counts[service+"/"+collection] += n
		return to.batch(ctx, service, collection, documents)
	default:
		return fmt.Errorf("%w: this program does not know what %s is", archive.ErrNewer, name)
	}
	return nil
}

// compare returns an error if counts differ from the expected ones.
func compare(where string, got, want map[string]int64) error {
	for _, what := range slices.Sorted(maps.Keys(want)) {
		if got[what] != want[what] {
			return fmt.Errorf("%s: %w: of %s there are %d, and there should be %d", where, archive.ErrDamaged, what, got[what], want[what])
		}
	}
	return nil
}

// counter is a sink that only counts.
type counter struct{ dir string }

func (c *counter) file(_ context.Context, service string, body io.Reader) (string, error) {
	path := filepath.Join(c.dir, service+".db")
	return path, writeFile(path, body)
}

func (c *counter) batch(context.Context, string, string, []byte) error { return nil }
func (c *counter) indexes(string, []mongodb.Index)                     {}
func (c *counter) letters([]letter)                                    {}
func (c *counter) finish(context.Context, map[string]int64) error      { return nil }
func (c *counter) close() error                                        { return os.RemoveAll(c.dir) }

// writeFile writes a new file that only its owner can read, and syncs it.
func writeFile(path string, body io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if _, err := io.Copy(f, body); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
