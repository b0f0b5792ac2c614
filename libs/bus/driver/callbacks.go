package driver

// Watcher receives hints about the entries of all personal rooms. Its methods must not block, may
// be called by several goroutines at a time, and must not call back into the bus.
type Watcher interface {
	// Hint says that a personal room has an entry, and which Seq it has. It may come late, twice
	// or, when a connection is lost, not at all. The string is valid until the call returns.
	Hint(room string, seq uint64)
	// Suspect says that hints may have been lost, or a log rewound: only Heads and Replay know. It
	// comes before any hint from a new connection.
	Suspect()
}

// Follower receives the entries of a room as they are appended. Its methods are called for one room
// by one goroutine at a time, must not block, and must not call back into the bus.
type Follower interface {
	// Entry is called for each entry after the head that Follow returned, once, in order. e.Prev is
	// true: it is the Seq of the entry delivered before, or that head. The bus fills what a lost
	// connection or a slow consumer made the driver miss from the log before it delivers anything
	// newer. e.Data is valid until the call returns.
	Entry(e Entry)
	// Rewound is called when the log turns out to have lost entries that were delivered: the room's
	// earlier positions are void. Entries after head follow.
	Rewound(room string, head uint64)
	// Missed is called when retention has removed entries before they were delivered, or may have:
	// those after the last one that was delivered and at or before through. That happens only to a
	// subscription that was disturbed, or did not work, for as long as the log reaches back.
	// Positions stay good; the consumers of the log have the missing entries. Entries after through
	// follow, the next one with through as its Prev.
	Missed(room string, through uint64)
}

// Subscription is the handle of something that delivers.
type Subscription interface {
	// Stop ends the delivery: when it has returned, no callback of the subscription runs or will
	// run. It may be called twice, and not from within a callback of its own.
	Stop()
}
