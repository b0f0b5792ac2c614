package cluster

import (
	"errors"
	"fmt"
	"os"
)

// ErrNoMount says that this process may not mount a file system, which a small disk needs.
var ErrNoMount = errors.New("a disk that can fill up needs its own file system, and this process may not mount one (CAP_SYS_ADMIN on Linux)")

// Disk is a folder on its own file system, in memory, that Fill can fill up. One goroutine at a
// time may call its methods.
type Disk struct{ dir string }

// NewDisk moves the contents of a folder, which no process uses now, to a disk until Remove.
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

// Fill leaves no free space on the disk: the files can be read, and nothing can be added.
func (d *Disk) Fill() error { return fill(d.dir) }

// Free undoes Fill.
func (d *Disk) Free() error { return resize(d.dir, roomy) }

// Remove moves the contents of the disk back to the folder, which no process uses now.
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
