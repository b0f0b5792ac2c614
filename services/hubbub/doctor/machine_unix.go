//go:build unix

package doctor

import (
	"golang.org/x/sys/unix"
)

// openFiles returns how many files a process may have open, by itself and if it asks for more.
func openFiles() (soft, hard uint64, ok bool) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0, 0, false
	}
	return uint64(l.Cur), uint64(l.Max), true //nolint:unconvert // they are signed elsewhere
}

// space returns how many bytes a disk has free for us, and has in all.
func space(path string) (free, all uint64, ok bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil || s.Bsize <= 0 {
		return 0, 0, false
	}
	size := uint64(s.Bsize)                                       //nolint:gosec // it is above 0
	return uint64(s.Bavail) * size, uint64(s.Blocks) * size, true //nolint:unconvert // they are signed elsewhere
}
