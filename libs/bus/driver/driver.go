// Package driver is what bus.Bus needs of a server, and the types that both use. Callers of the bus
// never see it.
//
// A driver does only what its server does differently from others. Everything else is written once,
// in package bus: it checks names and sizes before it calls the driver, makes failed calls again,
// lets subscribers of a channel share one subscription, queues and answers requests, and lets one
// member at a time read a partition. A driver therefore never checks an argument and never makes a
// second try itself, unless its comment says so.
package driver

import (
	"context"
	"time"
)

// Driver is one process's connection to a server, or to several that form one log. Its methods are
// safe for concurrent use. An error says what went wrong; Retry classifies it.
type Driver interface {
	// Open connects, checks the server, and starts what works in the background until h.Life ends.
	// Its error is a sentence that says what to do. It is called once; Close follows in any case.
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
	Deliver  func(e Entry)       // a live entry of a subscribed room
	Suspect  func(reason string) // live entries may be missing, or the log was rewound
	Returned func(token string)  // a probe has come back
	TrimSoon func()              // the log is full, or has grown much
}

// Log is the driver's part of bus.Log. Each method but Append, Advance and Retire makes one try.
type Log interface {
	// Append accepts an entry, whose data it copies, or returns why it does not. done is called
	// within AppendTimeout.
	Append(e NewEntry, done func(Appended, error)) error
	// Replay is bus.Log.Replay. advanced: an Advance has removed the entry at the position, or has
	// put it back at a greater Seq, so positions before it are void for a follower.
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
	// them an entry that the group's members get again.
	Letters(ctx context.Context, group string, limit int) ([]Letter, error)
	PutBack(ctx context.Context, group string, l Letter) error
	// Trim removes what is too old or too much from the log's beginning. Every process calls it
	// regularly.
	Trim(ctx context.Context) error
}

// Rooms delivers the live entries of rooms to the process.
type Rooms interface {
	// Subscribe asks the server for the live entries of the rooms and returns when it has
	// confirmed, so that every entry appended after a later Heads is either delivered live or found
	// missing. It leaves rooms that are subscribed already as they are. After an error it is called
	// again for the same rooms.
	Subscribe(ctx context.Context, rooms []string) error
	// Unsubscribe ends the subscriptions. It does not wait for the server.
	Unsubscribe(rooms []string)
	// SubscribePersonal is Subscribe for the live entries of all personal rooms. It is called again
	// after an error, and at will; the subscription lasts as long as the driver.
	SubscribePersonal(ctx context.Context) error
	// Heads returns the head of each room, in the order of rooms, of which there are at most
	// MaxHeads. The answer is from the server that orders the log (a cluster's leader) and is not
	// older than the call.
	Heads(ctx context.Context, rooms []string) ([]Head, error)
}

// Live is the driver's part of bus.Live, and of bus.Bus.Probe.
type Live interface {
	// Publish sends a message or drops it. It does not wait; the caller may reuse data when it
	// returns.
	Publish(channel string, data []byte)
	// Listen calls receive for each message on a channel, one at a time, and returns when the
	// server has confirmed. receive may keep the data. The caller listens to a channel at most once
	// at a time. stop does not wait for the server; messages in flight may still come.
	Listen(ctx context.Context, channel string, receive func(data []byte)) (stop func(), err error)
	// Probe sends a token over every way that messages take, and returns how many there are: when
	// all is well, the driver calls Host.Returned with the token that many times.
	Probe(ctx context.Context, token string) (ways int, err error)
}

// RPC is the driver's part of bus.RPC.
type RPC interface {
	// Request sends a request to a process that serves, and returns its reply. ctx has a deadline,
	// which the handler gets, too.
	Request(ctx context.Context, service string, data []byte) (Reply, error)
	// Serve calls receive, which does not block, for each request, and returns when the server has
	// confirmed. stop returns when every request that was sent to this process has been received.
	Serve(ctx context.Context, service string, receive func(Call)) (stop func(), err error)
}

// Call is a request that has arrived.
type Call struct {
	Data     []byte
	Deadline time.Time
	Answer   func(Reply) // does not block; calling it is optional
}

// Reply is the answer to a request.
type Reply struct {
	Data  []byte
	Error []byte // an Error as JSON; nil: there is none
	Busy  bool   // too many requests wait
}

// Letter is a dead letter and its place.
type Letter struct {
	DeadLetter
	Partition int
	ID        string // the driver's
}

// PartitionOf returns the partition, of n, of a room or another name (FNV-1a).
func PartitionOf(name string, n int) int {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return int(h % uint32(n))
}
