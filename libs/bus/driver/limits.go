package driver

import "time"

// MaxSeq is the greatest Seq: JavaScript reads integers exactly up to it.
const MaxSeq = 1<<53 - 1

const (
	// MaxReplay is the most entries that one Replay returns.
	MaxReplay = 1000
	// MaxHeads is the most rooms that one Heads takes.
	MaxHeads = 1000
)

// MaxData is the greatest size of an entry, an ephemeral message, a request or a reply, in bytes.
const MaxData = 512 << 10

const (
	// DedupeWindow is the least time for which the server recognises a repeated Append. (After a
	// restart of the server, it may take the repeat of a removed entry for a new one.)
	DedupeWindow = 2 * time.Minute
	// AppendTimeout is how long an Append may take, with all of its retries, before it fails with
	// ErrUnavailable. It is under half of DedupeWindow, so that a caller's repeat still falls into
	// the window.
	AppendTimeout = 10 * time.Second
)
