package bus

import "hubbub.internal/libs/bus/driver"

// The limits of the contract; see package driver.
const (
	MaxSeq        = driver.MaxSeq
	MaxData       = driver.MaxData
	MaxReplay     = driver.MaxReplay
	MaxHeads      = driver.MaxHeads
	DedupeWindow  = driver.DedupeWindow
	AppendTimeout = driver.AppendTimeout
)

// The errors of the contract; see package driver.
var (
	ErrClosed      = driver.ErrClosed
	ErrUnavailable = driver.ErrUnavailable
	ErrFull        = driver.ErrFull
	ErrBadName     = driver.ErrBadName
	ErrTooLarge    = driver.ErrTooLarge
	ErrNoResponder = driver.ErrNoResponder
	ErrInUse       = driver.ErrInUse
	ErrRetry       = driver.ErrRetry
)

// What crosses the bus. A driver speaks of the same types, so nothing is copied on the way.
type (
	// Error is a coded error that crosses Request.
	Error = driver.Error
	// NewEntry is what a caller appends.
	NewEntry = driver.NewEntry
	// Appended is the outcome of an Append.
	Appended = driver.Appended
	// Entry is an entry of a room's log.
	Entry = driver.Entry
	// Position is a place in a room's log.
	Position = driver.Position
	// Replayed is a part of a room's log.
	Replayed = driver.Replayed
	// Head is the end of a room's log.
	Head = driver.Head
	// DeadLetter is an entry that a group's handler kept failing on.
	DeadLetter = driver.DeadLetter
	// Group is a required group.
	Group = driver.Group
	// Watcher is told of the entries of all personal rooms by hints.
	Watcher = driver.Watcher
	// Follower is told of the entries of a room as they are appended.
	Follower = driver.Follower
	// Subscription is the handle of something that delivers.
	Subscription = driver.Subscription
)

// CheckName returns an error that wraps ErrBadName unless each of names is a valid room, group,
// sender or id.
func CheckName(names ...string) error { return driver.CheckName(names...) }

// CheckChannel returns an error that wraps ErrBadName unless name is a valid channel or service.
func CheckChannel(name string) error { return driver.CheckChannel(name) }
