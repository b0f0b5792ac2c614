//go:build unix

package load

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// spareFiles is how many files the process needs besides its sockets.
const spareFiles = 100

// checkFiles returns an error when the process may not open so many sockets.
func checkFiles(sockets int) error {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return fmt.Errorf("ask how many files may be open: %w", err)
	}
	if most := int(min(r.Cur, 1<<30)) - spareFiles; sockets > most {
		return fmt.Errorf("this process may open %d sockets, not %d: raise the limit of open files (ulimit -n %d; the hard limit is %d), or run it several times",
			max(0, most), sockets, sockets+spareFiles, r.Max)
	}
	return nil
}
