// Package swarm is a great many clients of Hubbub in one thread: raw sockets, one epoll, and a
// hundred bytes for a client that is idle in a room. It logs them in, keeps them in their rooms
// over reconnects, says what it is told to say until that is acknowledged, and remembers what each
// client saw.
//
// It is stricter than a client that people use: what a server leaves out, repeats or disorders is
// not mended but remembered. It knows nothing of who talks when, nor of what is right: that is its
// owner's.
package swarm

import (
	"errors"
	"net/netip"
	"time"
)

// ErrUnsupported says that this operating system has no epoll.
var ErrUnsupported = errors.New("the swarm needs Linux")

// Edge is where clients connect.
type Edge struct {
	Addr netip.AddrPort
	Host string // of the request
}

// Config says who connects where.
type Config struct {
	Edge    func(i int) Edge   // where client i connects
	Clients int                // how many
	Rooms   []string           // ids
	Seats   func(i int) []int  // the rooms of client i, as indexes
	Token   func(i int) string // the token of client i: what it is now; must not block
	// what they come from: this IPv4 address, and after perSource of them each time the next; none:
	// what the system takes
	From    netip.Addr
	Watcher Watcher
}

// Watcher is told what happens, from the goroutine of Run; it must not block.
type Watcher interface {
	// In says that a client is in all of its rooms, for the first time or again, so long after it
	// was to be.
	In(client int, again bool, took time.Duration)
	// Out says that a client which was in its rooms was cut off.
	Out(client int)
	// Acked says that a message was stored.
	Acked(room int, id string, seq uint64, due time.Time)
	// Failed says that a message was refused with a code, or, if it is empty, given up without an
	// answer.
	Failed(code string)
	// Delivered says that a message came to a client.
	Delivered(text string)
	// Lost says that a connection, or the attempt at one, ended, and in a word why. The client
	// comes back.
	Lost(client int, code string, err error)
	// Gone says the same of one that will not come back by itself.
	Gone(client int, code string, err error)
}

// Say is a message to be sent.
type Say struct {
	Client int
	Seat   int // which of the client's rooms, modulo their number
	Due    time.Time
	Text   func(number int) string // number: of the client's messages in the room
}

// Seen is what clients saw of a room.
type Seen struct {
	Clients []int    // all who saw just this; most do
	Start   uint64   // they came after this seq
	Seqs    []uint64 // of messages, as they came
	Rewinds int      // of each
}

// The times of a client. A message is given up after sayFor, as libs/client's user does.
const (
	// from connecting until it is in its rooms, before it is tried anew
	openFor    = 30 * time.Second
	answerFor  = 5 * time.Second // until a message is repeated
	sayFor     = 50 * time.Second
	leastRetry = 100 * time.Millisecond // of a join or a message that was refused for now
)

// The time before the first and any later attempt to connect, as of libs/client.
const (
	minBackoff = 250 * time.Millisecond
	maxBackoff = 15 * time.Second
)

// perSource is how many clients come from one address: so few that the kernel finds each a free
// port at once.
const perSource = 4000
