// Package filelock keeps two processes off one folder or file: a lock that ends with the process
// that holds it, however that comes about. It knows nothing of what is locked.
package filelock

import (
	"errors"
	"fmt"
	"os"
)

// ErrLocked says that another holder has the lock, in this process or another.
var ErrLocked = errors.New("in use by another process")

// Lock locks the file at path, which is made if it is missing, until the result is closed. Errors:
// ErrLocked, with the path.
func Lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}
