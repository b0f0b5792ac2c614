//go:build unix

package load

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// spareFiles is how many files a process needs besides its sockets.
const spareFiles = 100

// checkFiles returns an error when so many processes may not open so many sockets.
func checkFiles(sockets, processes int) error {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return fmt.Errorf("ask how many files may be open: %w", err)
	}
	most := max(0, int(min(r.Cur, 1<<30))-spareFiles)
	each := (sockets + processes - 1) / processes
	if each <= most {
		return nil
	}
	err := fmt.Errorf("--sockets is %d; it has to be at most %d, since a process may open %d files: raise that limit (ulimit -n %d; the hard limit is %d)",
		sockets, most*processes, r.Cur, each+spareFiles, r.Max)
	if n := (sockets + most - 1) / max(1, most); most > 0 && n <= mostProcesses {
		return fmt.Errorf("%w, or take --processes %d", err, n)
	}
	return err
}
