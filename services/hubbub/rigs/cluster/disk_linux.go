package cluster

import (
	"fmt"
	"syscall"
	"time"
)

// roomy is the size of a disk that is not full, in bytes. It takes memory for what is on it only.
const roomy = 4 << 30

func mount(dir string) error {
	if err := syscall.Mount("hubbub", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, fmt.Sprint("size=", roomy)); err != nil {
		return fmt.Errorf("%w: %w", ErrNoMount, err)
	}
	return nil
}

// unmount is for good also when a process that has just been killed still holds a file there.
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

// fill makes the disk as small as what is on it. That may grow meanwhile, which the kernel refuses:
// once more.
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
