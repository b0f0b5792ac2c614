// Package uptime is the edge's coarse time: how long ago the process started. It does not follow
// the wall clock, which may be set.
package uptime

import "time"

var started = time.Now()

// Since returns the time since the process started.
func Since() time.Duration { return time.Since(started) }

// MS returns the milliseconds since the process started; they wrap around after 49 days.
func MS() uint32 { return uint32(Since() / time.Millisecond) }

// Seconds returns the seconds since the process started.
func Seconds() uint32 { return uint32(Since() / time.Second) }

// SetStart moves the start of the process, for tests with a clock of their own, and returns what
// moves it back. Nothing else may run meanwhile.
func SetStart(at time.Time) (restore func()) {
	was := started
	started = at
	return func() { started = was }
}
