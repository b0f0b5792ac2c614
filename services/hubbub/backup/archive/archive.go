// Package archive is the form of a backup: a compressed tar file of parts, in the order in which
// they were copied, with what is known beforehand at its beginning and the sum of every part at its
// end. An archive without its end was cut.
//
// It owns the form and checks it; it knows nothing of what is in a part.
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

// Format is the version of the form that this release writes. It reads all up to it.
const Format = 1

const (
	headerName   = "backup.json"
	manifestName = "manifest.json"
	// maxJSON is how long Header and Manifest may be, in bytes.
	maxJSON = 256 << 20
)

var (
	// ErrForeign says that a file is no backup of Hubbub.
	ErrForeign = errors.New("this is no backup of Hubbub")
	// ErrNewer says that a newer release made the archive.
	ErrNewer = errors.New("a newer release made this backup")
	// ErrCut says that the end of an archive is missing.
	ErrCut = errors.New("the backup is cut off: its end is missing")
	// ErrDamaged says that an archive is not what was written.
	ErrDamaged = errors.New("the backup is damaged")
)

// Header is what is known when a backup begins.
type Header struct {
	Format  int       `json:"format"`
	ID      string    `json:"id"`
	Made    time.Time `json:"made"`
	Version string    `json:"version"` // of the program
	// Stores are what the backup has, by service.
	Stores map[string]Store `json:"stores"`
	// Settings of the process that made the backup, without secrets, for whoever restores it.
	Settings map[string]string `json:"settings,omitempty"`
}

// Store is a store in a backup.
type Store struct {
	Kind   string `json:"kind"`   // sqlite or mongodb
	Schema int64  `json:"schema"` // version of its schema
}

// Manifest is what is known when a backup ends.
type Manifest struct {
	Parts []Part `json:"parts"`
	// Counts says how many records there are, by what they are, such as history/entries.
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
