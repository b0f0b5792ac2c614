// Package archive is the format of a backup: a compressed tar file of parts in the order of
// copying, with a header at its beginning and the sum of every part at its end. An archive without
// that end is cut off.
//
// It owns and checks the format; it knows nothing of the content of parts.
//
//	backup.json      Header
//	…                parts
//	manifest.json    Manifest
package archive

import (
	"errors"
	"fmt"
	"time"
)

// Format is the version of the format that this release writes. It reads all versions up to it.
const Format = 1

const (
	headerName   = "backup.json"
	manifestName = "manifest.json"
	// maxJSON limits Header and Manifest, in bytes.
	maxJSON = 256 << 20
)

var (
	// ErrForeign says that a file is not a backup of Hubbub.
	ErrForeign = errors.New("this is no backup of Hubbub")
	// ErrNewer says that a newer release made the archive.
	ErrNewer = errors.New("a newer release made this backup")
	// ErrCut says that the end of an archive is missing.
	ErrCut = errors.New("the backup is cut off: its end is missing")
	// ErrDamaged says that an archive is not what was written.
	ErrDamaged = errors.New("the backup is damaged")
)

// Header describes a backup at its beginning.
type Header struct {
	Format  int       `json:"format"`
	ID      string    `json:"id"`
	Made    time.Time `json:"made"`
	Version string    `json:"version"` // of the program
	// Stores are the stores in the backup, by service.
	Stores map[string]Store `json:"stores"`
	// Settings of the process that made the backup, without secrets, for restoring.
	Settings map[string]string `json:"settings,omitempty"`
}

// Store is a store in a backup.
type Store struct {
	Kind   string `json:"kind"`   // sqlite or mongodb
	Schema int64  `json:"schema"` // version of its schema
}

// Manifest describes a backup at its end.
type Manifest struct {
	Parts []Part `json:"parts"`
	// Counts has the number of records by kind, such as history/entries.
	Counts map[string]int64 `json:"counts"`
}

// Part is a file in the archive.
type Part struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
