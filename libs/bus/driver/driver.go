// Package driver is what bus.Bus needs of a server, and the types that both speak of. Callers of
// the bus never see it.
//
// A driver says what its server does differently from others. Everything else is written once, in
// package bus: names and sizes are checked before a driver hears of a call, calls that fail are
// made again, subscribers of a channel share one subscription, requests are queued and answered,
// and partitions are read by one member at a time. A driver therefore never checks an argument and
// never waits for its own second try, unless its comment says so.
package driver

import (
	"context"
	"time"
)

// Driver is one process's connection to a server, or to several that are one log. Its methods are
// safe for concurrent use. An error says what went wrong; Retry says what that means.
type Driver interface {
	// Open connects, checks the server, and starts what works in the background until h.Life ends.
	// It returns a sentence that says what to do. It is called once, and Close after it in any
	// case.
	Open(ctx context.Context, h Host) error
	// Close ends the background goroutines and the connections. h.Life has ended by then.
	Close()
	// Retry says how to try again, and what the driver's errors mean.
	Retry() *Retry

	Log
	Groups
	Rooms
	Live
	RPC
}

// Host is what the portable floor gives a driver. The functions do not block.
type Host struct {
	Life     context.Context     // ends when the bus is closed
	Deliver  func(e Entry)       // a live entry of a room that is subscribed to
	Suspect  func(reason string) // live entries may be missing, or the log was rewound
	Returned func(token string)  // a probe has come back
	TrimSoon func()              // the log is full, or has grown much
}

// Log is the driver's part of bus.Log. Each method but Append, Advance and Retire makes one try.
type Log interface {
	// Append takes an entry, whose data it copies, or returns why it does not. done is called
	// within AppendTimeout.
	Append(e NewEntry, done func(Appended, error)) error
	// Replay is bus.Log.Replay. advanced: an Advance has taken the entry at the position, or has
	// put it back at a greater Seq, so positions before it are worth nothing to a follower.
	Replay(ctx context.Context, room string, after Position, limit int) (rep Replayed, advanced bool, err error)
	Remove(ctx context.Context, room string, seq uint64) error
	// Advance and Retire are those of bus.Log, with their own tries.
	Advance(ctx context.Context, past uint64) error
	Retire(ctx context.Context, group string) error
	// Required returns the required groups, by name.
	Required(ctx context.Context) ([]Group, error)
	// Ends returns the Seq of the last entry of each partition; 0: there is none.
	Ends(ctx context.Context) ([]uint64, error)
	// Behind reports whether a group has yet to consume an entry at or before the ends.
	Behind(ctx context.Context, group string, ends []uint64) (bool, error)
	// Letters returns at most limit dead letters of a group, oldest first. PutBack makes one of
	// them an entry that the group's members are handed again.
	Letters(ctx context.Context, group string, limit int) ([]Letter, error)
	PutBack(ctx context.Context, group string, l Letter) error
	// Trim takes what is too old or too much from the log's beginning. Every process calls it every
	// now and then.
	Trim(ctx context.Context) error
}

// Rooms is how the live entries of rooms get to the process.
type Rooms interface {
	// Subscribe asks the server for the live entries of the rooms and returns when it has
	// confirmed, so that every entry appended after a later Heads is either delivered live or found
	// missing. Rooms that are subscribed already are left as they are. After an error the call is
	// made again for the same rooms.
	Subscribe(ctx context.Context, rooms []string) error
	// Unsubscribe ends that. It does not wait for the server.
	Unsubscribe(rooms []string)
	// SubscribePersonal is Subscribe for the live entries of all personal rooms. It is called again
	// after an error, and at will; there is no end to it but the driver's.
	SubscribePersonal(ctx context.Context) error
	// Heads returns the head of each room, in the order of rooms, of which there are at most
	// MaxHeads. The answer is from the server that orders the log (a cluster's leader) and is not
	// older than the call.
	Heads(ctx context.Context, rooms []string) ([]Head, error)
}

// Live is the driver's part of bus.Live, and of bus.Bus.Probe.
type Live interface {
	// Publish sends a message or drops it. It does not wait; the data is the caller's again.
	Publish(channel string, data []byte)
	// Listen calls receive for each message on a channel, one at a time, and returns when the
	// server has confirmed. The data is receive's to keep. Nobody listens to the channel already.
	// stop does not wait for the server; messages that are on their way may still come.
	Listen(ctx context.Context, channel string, receive func(data []byte)) (stop func(), err error)
	// Probe sends a token the ways that messages go, and returns how many: so often does the driver
	// call Host.Returned with it when all is well.
	Probe(ctx context.Context, token string) (ways int, err error)
}

// RPC is the driver's part of bus.RPC.
type RPC interface {
	// Request hands a request to a process that serves, and returns what it answered. ctx has a
	// deadline, which is carried along.
	Request(ctx context.Context, service string, data []byte) (Reply, error)
	// Serve calls receive, which does not block, for each request, and returns when the server has
	// confirmed. stop returns when all that was handed to this process has been received.
	Serve(ctx context.Context, service string, receive func(Call)) (stop func(), err error)
}

// Call is a request that came in.
type Call struct {
	Data     []byte
	Deadline time.Time
	Answer   func(Reply) // does not block; it may be called not at all
}

// Reply is the answer to a request.
type Reply struct {
	Data  []byte
	Error []byte // an Error as JSON; nil: there is none
	Busy  bool   // too many requests wait
}

// Letter is a dead letter and where it stands.
type Letter struct {
	DeadLetter
	Partition int
	ID        string // the driver's
}

// PartitionOf returns the part of the log that a room is in, or where another name belongs, of n
// parts (FNV-1a).
func PartitionOf(name string, n int) int {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return int(h % uint32(n))
}
