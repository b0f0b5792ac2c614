package cluster

import (
	"errors"
	"fmt"
	"os"
)

// ErrNoMount says that this process may not mount a file system, without which there is no small
// disk.
var ErrNoMount = errors.New("a disk that can be full is a file system of its own, and this process may not mount one (CAP_SYS_ADMIN on Linux)")

// Disk is a folder on a file system of its own, in memory, that can be made full. Its methods are
// called by one goroutine at a time.
type Disk struct{ dir string }

// NewDisk puts what is in a folder, which nobody uses now, on a disk of its own, until Remove.
// Errors: ErrNoMount.
func NewDisk(dir string) (*Disk, error) {
	before := dir + ".before"
	if err := os.Rename(dir, before); err != nil {
		return nil, fmt.Errorf("small disk: %w", err)
	}
	undo := func(err error) (*Disk, error) {
		return nil, errors.Join(err, os.Remove(dir), os.Rename(before, dir))
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return undo(fmt.Errorf("small disk: %w", err))
	}
	if err := mount(dir); err != nil {
		return undo(err)
	}
	d := &Disk{dir: dir}
	if err := os.CopyFS(dir, os.DirFS(before)); err != nil {
		return undo(errors.Join(fmt.Errorf("small disk: %w", err), unmount(dir)))
	}
	return d, os.RemoveAll(before)
}

// Fill leaves no room on the disk: what is there can be read, and nothing can be added.
func (d *Disk) Fill() error { return fill(d.dir) }

// Free undoes Fill.
func (d *Disk) Free() error { return resize(d.dir, roomy) }

// Remove puts what is on the disk back where it was. Nobody uses the folder now.
func (d *Disk) Remove() error {
	after := d.dir + ".after"
	if err := os.CopyFS(after, os.DirFS(d.dir)); err != nil {
		return fmt.Errorf("small disk: %w", err)
	}
	if err := unmount(d.dir); err != nil {
		return err
	}
	return errors.Join(os.Remove(d.dir), os.Rename(after, d.dir))
}
