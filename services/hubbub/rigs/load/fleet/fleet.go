// Package fleet runs the clients of a crowd. It logs them in, keeps them in their rooms across
// reconnects, sends each message until it is acknowledged, and remembers what each client saw.
// There are two kinds: Raw, a hundred bytes for each client, in one thread, and Library, the Go
// client that programs use.
//
// A raw client is stricter than one that people use: it does not repair what a server omits,
// repeats or delivers out of order, but remembers it. A fleet does not decide who talks when, nor
// what is right: its owner does.
package fleet

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Fleet is a set of clients. Run owns them. While it runs, any goroutine may call the other
// methods; after it, one at a time.
type Fleet interface {
	// Run keeps the clients connected until ctx ends, and closes their connections.
	Run(ctx context.Context) error
	// Open connects the clients from, from+1, … to-1 for the first time.
	Open(from, to int)
	// Reconnect cuts clients off and returns; they come back and resume. It leaves alone clients
	// that are not in their rooms, because they are on their way there.
	Reconnect(clients ...int)
	// Say queues a message for a client to send. The client repeats it, across reconnects, until it
	// is acknowledged, refused or given up, and tells the Watcher.
	Say(m Say)
	// Busy returns how many messages are neither acknowledged nor given up.
	Busy() int
	// Caught reports whether every client has seen its rooms through these seqs, by room. Clients
	// that are gone do not count.
	Caught(through map[int]uint64) bool
	// Seen returns what the clients saw of a room since they joined it, or since Forget.
	Seen(room int) []Seen
	// Forget drops what the clients saw of a room so far: Seen begins there.
	Forget(room int)
}

// ErrUnsupported says that this operating system has no epoll.
var ErrUnsupported = errors.New("raw clients need Linux")

// Edge is where clients connect.
type Edge struct {
	Addr netip.AddrPort // raw clients
	Host string         // raw clients: the header Host
	URL  string         // library clients: http://host:port, or https
}

// Config says who connects where.
type Config struct {
	Edge    func(i int) Edge   // where client i connects
	Clients int                // how many
	Rooms   []string           // ids
	Seats   func(i int) []int  // the rooms of client i, as indexes
	Token   func(i int) string // the current token of client i; must not block
	From    netip.Addr         // raw clients: see swarm.Dial
	Watcher Watcher
}

// Watcher receives what happens. Several goroutines may call it at the same time; it must not
// block.
type Watcher interface {
	// In says that a client is in all of its rooms, for the first time or again, and how long that
	// took.
	In(client int, again bool, took time.Duration)
	// Out says that a client which was in its rooms was cut off.
	Out(client int)
	// Acked says that a message was stored.
	Acked(room int, id string, seq uint64, due time.Time)
	// Failed says that a message was refused with a code, or, if it is empty, given up without an
	// answer.
	Failed(code string)
	// Delivered says that a message arrived at a client.
	Delivered(text string)
	// Lost says that a connection ended, or could not be made, with the cause in one word. The
	// client comes back.
	Lost(client int, code string, err error)
	// Gone is the same for a client that does not come back by itself.
	Gone(client int, code string, err error)
}

// Say is a message to send.
type Say struct {
	Client int
	Seat   int // which of the client's rooms, modulo their number
	Due    time.Time
	Text   func(number int) string // number: of the client's messages in the room
}

// Seen is what clients saw of a room.
type Seen struct {
	Clients []int    // all clients that saw exactly this
	Start   uint64   // they joined after this seq
	Seqs    []uint64 // of messages, in order of arrival
	Rewinds int      // of each client
}

// The times of a client. A message is given up after sayFor, as libs/client's user does.
const (
	// from the dial until the client is in its rooms; then it starts anew
	openFor   = 30 * time.Second
	answerFor = 5 * time.Second // until a message is repeated
	sayFor    = 50 * time.Second
	// before a retry of a join or message that was refused for now
	leastRetry = 100 * time.Millisecond
)

// The time before the first and any later attempt to connect, as in libs/client.
const (
	minBackoff = 250 * time.Millisecond
	maxBackoff = 15 * time.Second
)
