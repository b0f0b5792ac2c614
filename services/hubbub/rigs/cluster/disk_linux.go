package cluster

import (
	"fmt"
	"syscall"
	"time"
)

// roomy is the size in bytes of a disk that is not full. The file system takes memory only for the
// files on it.
const roomy = 4 << 30

func mount(dir string) error {
	if err := syscall.Mount("hubbub", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, fmt.Sprint("size=", roomy)); err != nil {
		return fmt.Errorf("%w: %w", ErrNoMount, err)
	}
	return nil
}

// unmount detaches the file system even while a process that was just killed has a file open on it.
func unmount(dir string) error {
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	return nil
}

func resize(dir string, bytes uint64) error {
	if err := syscall.Mount("hubbub", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_NOSUID|syscall.MS_NODEV, fmt.Sprint("size=", bytes)); err != nil {
		return fmt.Errorf("resize the disk at %s: %w", dir, err)
	}
	return nil
}

// fill shrinks the disk to the size of its files. If they grow meanwhile, the kernel refuses, and
// fill tries again.
func fill(dir string) error {
	var err error
	for range 100 {
		var s syscall.Statfs_t
		if err := syscall.Statfs(dir, &s); err != nil {
			return fmt.Errorf("size of the disk at %s: %w", dir, err)
		}
		if err = resize(dir, (s.Blocks-s.Bfree)*uint64(s.Bsize)); err == nil {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return err
}
