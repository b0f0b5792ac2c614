package driver

import (
	"errors"
	"time"
)

var (
	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("bus is closed")
	// ErrUnavailable says that the server could not be reached, or did not answer in time. Whether
	// an Append took effect is then unknown: repeat it with the same ID.
	ErrUnavailable = errors.New("bus is unavailable")
	// ErrFull says that the log may not grow: its size limit is reached and a required group has
	// not consumed it, or the server has no memory or disk left. Nothing was appended; try again
	// later.
	ErrFull = errors.New("bus log is full")
	// ErrBadName says that a room, group, sender, id, channel or service is not a valid name.
	ErrBadName = errors.New("not a valid name on the bus")
	// ErrTooLarge says that data is longer than MaxData.
	ErrTooLarge = errors.New("data is too large for the bus")
	// ErrNoResponder says that nobody serves the requested service.
	ErrNoResponder = errors.New("no such service on the bus")
	// ErrInUse says that a group cannot be retired, since somebody consumes it.
	ErrInUse = errors.New("the group has members")
	// ErrRetry wrapped by a consumer's error says that the entries are good and that what the
	// handler depends on is not (its store is down): the bus delivers them again for ever and never
	// parks them.
	ErrRetry = errors.New("try the entries again later")
)

// Error is a coded error that crosses Request: a handler's *Error reaches the requester with equal
// fields. Any other error of a handler arrives with Code "internal" and no detail.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	// nanoseconds; 0: waiting alone does not help
	RetryAfter time.Duration `json:"retry_after,omitempty"`
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }
