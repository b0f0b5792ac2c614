//go:build unix

package doctor

import (
	"golang.org/x/sys/unix"
)

// openFiles returns the soft and the hard limit of open files.
func openFiles() (soft, hard uint64, ok bool) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0, 0, false
	}
	return uint64(l.Cur), uint64(l.Max), true //nolint:unconvert // they are signed elsewhere
}

// space returns the free bytes of a disk, and its size.
func space(path string) (free, all uint64, ok bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil || s.Bsize <= 0 {
		return 0, 0, false
	}
	size := uint64(s.Bsize)                                       //nolint:gosec // it is above 0
	return uint64(s.Bavail) * size, uint64(s.Blocks) * size, true //nolint:unconvert // they are signed elsewhere
}
