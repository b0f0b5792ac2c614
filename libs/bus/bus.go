// Package bus is the contract between Hubbub's services and the server that links them: a durable,
// ordered log per room, live fan-out of it, ephemeral messages, and request/reply. The drivers
// natsbus and redisbus keep it; busurl opens one of them by URL; bustest checks every promise made
// here against real servers.
//
// The bus carries bytes. It knows no chat message, no user and no permission.
//
// # Promises common to all methods
//
// Concurrency: every method of a Bus may be called from any number of goroutines.
//
// Bytes: a slice that the caller passes in is the caller's again as soon as the call returns
// (asynchronous calls have copied it by then). A slice that the bus passes to a callback is valid
// until that callback returns; keep a copy.
//
// Names: rooms, groups, senders and ids match chat.ValidID ([A-Za-z0-9_-]{1,64}). Channels and
// services are one to four such names joined by dots. Any other is refused with ErrBadName before
// it reaches a subject or a key.
//
// Reconnect: a driver reconnects for ever. While the server is away, calls that need it fail with
// ErrUnavailable when their context or, for Append, the AppendTimeout ends; they are not queued for
// longer. Followers and subscriptions outlive the reconnect by themselves.
//
// Close: ends every callback, subscription and background goroutine before it returns; later calls
// return ErrClosed. Calling it twice is allowed.
package bus

import "context"

// Log is the durable, ordered record of every room. An entry is in it from the moment its Append
// succeeds, survives kill -9 of the server with the settings that Hubbub ships, and stays until
// retention takes it: by age or size, but never before every required group has consumed it.
type Log interface {
	// Append adds an entry and calls done exactly once, from another goroutine, within
	// AppendTimeout: on success, when the log has the entry. It returns without waiting for the
	// server. Two Appends of one sender to one room take effect in the order of the calls only if
	// the second call is made after the first's done: keep one in flight. done must not block. The
	// strings of e must not change before done has been called without an error; then the bus uses
	// them no more. Errors: ErrBadName, ErrTooLarge, ErrFull, ErrUnavailable, ErrClosed.
	//
	// A driver whose server may lose what it has acknowledged keeps the last of it and appends it
	// again by itself, under the same keys and with other Seqs, in the order of the
	// acknowledgements and before anything newer: see redisbus.
	Append(e NewEntry, done func(Appended, error))

	// Replay returns the entries of room after a position, at most limit of them (1 to 1,000),
	// including everything that was acknowledged before the call. For a room without entries it
	// returns Through 0 and no error.
	Replay(ctx context.Context, room string, after Position, limit int) (Replayed, error)

	// Follow delivers to f every entry of room that is appended after the returned head; Replay has
	// the entries up to head, so the two together miss nothing. It blocks until the server has
	// confirmed. Several followers of one room share one subscription at the server; concurrent
	// calls are batched.
	Follow(ctx context.Context, room string, f Follower) (head uint64, s Subscription, err error)

	// Heads returns the head of each of at most 1,000 rooms, in their order, including everything
	// that was acknowledged before the call. Errors: as for Replay.
	Heads(ctx context.Context, rooms []string) ([]Head, error)

	// Watch sends w a hint for each entry of a personal room (a driver's configuration says which
	// rooms those are) that is appended after Watch has returned. It is for a process with more
	// personal rooms than are worth a Follow each; the process also asks Heads for its rooms after
	// each Suspect, and now and then. It blocks until the server has confirmed.
	Watch(ctx context.Context, w Watcher) (Subscription, error)

	// Consume delivers every entry of every room to the group, each to one member of it at least
	// once, and blocks until ctx ends, when it returns nil, or the bus is closed. handle gets a
	// batch in which the entries of one room are in order; it owns the batch until it returns.
	// Returning nil acknowledges the whole batch. When the error wraps ErrRetry, the bus delivers
	// the batch again after a growing delay, for ever. Any other error counts as a try: after
	// several, the bus delivers the entries one by one, parks one that still fails in the group's
	// dead letters, and goes on. It never gives entries of one room to two members at the same
	// time, except after one of them was wrongly taken for dead. An entry's Prev is 0. A redriven
	// entry comes alone, whatever its room has had meanwhile.
	Consume(ctx context.Context, group string, handle func(ctx context.Context, batch []Entry) error) error

	// DeadLetters returns at most limit parked entries of a group, oldest first.
	DeadLetters(ctx context.Context, group string, limit int) ([]DeadLetter, error)

	// Redrive puts at most limit parked entries of a group back, oldest first, and returns them.
	// They are no dead letters any more: the group's members, now or when there are some, get each
	// of them again at least once, alone. If the handler succeeds, the entry is done with; if it
	// fails again, the entry is parked again, with the new reason. After an error some may have
	// been put back; calling again does no harm.
	Redrive(ctx context.Context, group string, limit int) ([]DeadLetter, error)

	// Groups returns the required groups, by name: those that a process named when it opened the
	// bus.
	Groups(ctx context.Context) ([]Group, error)

	// CatchUp waits until a group has consumed everything that was acknowledged before the call:
	// handled it, or parked it as a dead letter. It waits for as long as ctx allows, also for a
	// group that has no members. An error that is not ErrClosed is that of ctx, or wraps
	// ErrUnavailable.
	CatchUp(ctx context.Context, group string) error

	// Retire deletes a group, required or not, that will not come back, and what it has consumed:
	// retention does not wait for it any more. A process that still names it holds retention for it
	// as long as it runs, and a member that joins later begins where the log does. Retiring an
	// unknown group is not an error. Errors: ErrInUse.
	Retire(ctx context.Context, group string) error

	// Remove erases the content of an entry: it is no longer replayed or consumed (where several
	// servers answer, as soon as the last of them has it, a moment later). Removing a missing entry
	// is not an error.
	Remove(ctx context.Context, room string, seq uint64) error

	// Advance makes every later Append of every room return a Seq above past. A service that
	// remembers Seqs beyond the log's life (history) calls it at its start. A log that is beyond
	// past already stays as it is; one that is behind was lost or restored, and its followers may
	// be told Rewound.
	Advance(ctx context.Context, past uint64) error
}

// Live carries messages that are worthless later: typing, presence, read positions. Current
// subscribers get each message at most once, in the order of one publisher's calls.
type Live interface {
	// Publish sends data to the subscribers of a channel on every process. It does not wait for the
	// server; while the server is away, it drops what does not fit into a small buffer.
	Publish(channel string, data []byte) error
	// Subscribe calls handle for each message on the channel, one at a time, and returns when the
	// server has confirmed. handle must not block.
	Subscribe(ctx context.Context, channel string, handle func(data []byte)) (Subscription, error)
}

// RPC is request and reply between services. Each request goes to one of the processes that serve
// it.
type RPC interface {
	// Request asks a service and returns its reply, which the caller owns. The handler gets the
	// context's deadline, 5 s if it has none. Errors: *Error as the handler returned it,
	// ErrNoResponder, ErrUnavailable (also: no reply in time), ErrTooLarge, ErrBadName, ErrClosed.
	Request(ctx context.Context, service string, data []byte) ([]byte, error)
	// Serve answers requests to the service with handle until Stop, which waits for the requests in
	// progress. Up to a few hundred run at the same time; the context ends with the request's
	// deadline. Processes that serve the same name share its requests.
	Serve(ctx context.Context, service string, handle func(ctx context.Context, data []byte) ([]byte, error)) (Subscription, error)
}

// Interface is the whole contract: what a *Bus does, for callers whose tests replace the bus.
type Interface interface {
	Log
	Live
	RPC
	// Probe sends a message to itself over the bus and waits for it: nil means that publishing and
	// receiving both work right now. It fails on a connection that is up and silent.
	Probe(ctx context.Context) error
	// Close ends everything; see the package comment.
	Close() error
}

// Append appends e to b's log and waits for the outcome. When ctx ends first, the entry may still
// be appended.
func Append(ctx context.Context, b Log, e NewEntry) (Appended, error) {
	type outcome struct {
		a   Appended
		err error
	}
	c := make(chan outcome, 1)
	b.Append(e, func(a Appended, err error) { c <- outcome{a, err} })
	select {
	case o := <-c:
		return o.a, o.err
	case <-ctx.Done():
		return Appended{}, ctx.Err()
	}
}
