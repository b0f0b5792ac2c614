package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hubbub.internal/services/hubbub/backup/archive"
)

// errThere says that a backup would overwrite a file.
var errThere = errors.New("this file exists already, and a backup overwrites none: choose another name")

// save saves the backup that write makes, and checks it on its way. The file appears when it is
// complete, and only its owner can read it. save returns the backup's description.
func save(ctx context.Context, path string, write func(ctx context.Context, w io.Writer) error) (m archive.Manifest, err error) {
	if _, err := os.Lstat(path); err == nil {
		return m, fmt.Errorf("%s: %w", path, errThere)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part") // mode 0600
	if err != nil {
		return m, fmt.Errorf("write the backup: %w", err)
	}
	defer func() {
		_ = f.Close()
		err = errors.Join(err, os.Remove(f.Name()))
	}()
	if m, err = checked(ctx, f, write); err != nil {
		return m, err
	}
	if err := f.Sync(); err != nil {
		return m, fmt.Errorf("write the backup: %w", err)
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return m, fmt.Errorf("%s: %w", path, errThere)
	} else if err != nil {
		return m, fmt.Errorf("write the backup: %w", err)
	}
	return m, syncFolder(filepath.Dir(path))
}

// stamp is the name of a backup in a folder, as a time layout.
const stamp = "hubbub-20060102T150405Z.hubbub"

// prune removes all but the newest backups with names from stamp in a folder.
func prune(folder string, keep int) error {
	all, err := os.ReadDir(folder) // in the order of their names
	if err != nil {
		return fmt.Errorf("old backups: %w", err)
	}
	var names []string
	for _, e := range all {
		if _, err := time.Parse(stamp, e.Name()); err == nil && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	for _, name := range names[:max(0, len(names)-keep)] {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			return fmt.Errorf("remove an old backup: %w", err)
		}
	}
	return nil
}

// checked copies the backup that write makes to out, and checks it at the same time.
func checked(ctx context.Context, out io.Writer, write func(ctx context.Context, w io.Writer) error) (archive.Manifest, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		err := write(ctx, io.MultiWriter(out, w))
		w.CloseWithError(err)
		wrote <- err
	}()
	_, m, err := archive.Read(r, nil, func(string, int64, io.Reader) error { return nil })
	if err == nil {
		_, err = io.Copy(io.Discard, r) // until the writer has ended, too
	}
	r.CloseWithError(err)
	if failed := <-wrote; failed != nil {
		return m, failed
	}
	return m, err
}

// syncFolder makes the names in a folder survive a power cut.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	defer d.Close()
	_ = d.Sync() // not every system can
	return nil
}
