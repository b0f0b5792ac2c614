// Package fleet is the clients of a crowd. It logs them in, keeps them in their rooms over
// reconnects, sends what it is told to send until that is acknowledged, and remembers what each
// client saw. There are two kinds: Raw, a hundred bytes for each client, in one thread, and
// Library, the Go client that programs use.
//
// A raw client is stricter than one that people use: what a server omits, repeats or delivers out
// of order is not repaired but remembered. A fleet does not decide who talks when, nor what is
// right: its owner does.
package fleet

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Fleet is a set of clients. Run owns them; the other methods may be called from any goroutine
// while it runs, and after it by one.
type Fleet interface {
	// Run keeps the clients connected until ctx ends, and closes their connections.
	Run(ctx context.Context) error
	// Open connects clients that never were: those from one number to before another.
	Open(from, to int)
	// Reconnect cuts clients off, and returns when they are; they come back and resume. A client
	// that is not in its rooms is on its way there anyway, and is left alone.
	Reconnect(clients ...int)
	// Say makes a client send a message, after those that it was told to send before. It is
	// repeated over reconnects until it is acknowledged, refused or given up: the Watcher is told.
	Say(m Say)
	// Busy returns how many messages are neither acknowledged nor given up.
	Busy() int
	// Caught reports whether every client has seen its rooms through these seqs, by room. A client
	// that is gone never will, and does not count.
	Caught(through map[int]uint64) bool
	// Seen returns what the clients saw of a room since they came, or since Forget.
	Seen(room int) []Seen
	// Forget drops what the clients saw of a room so far: Seen begins there.
	Forget(room int)
}

// ErrUnsupported says that this operating system has no epoll.
var ErrUnsupported = errors.New("raw clients need Linux")

// Edge is where clients connect.
type Edge struct {
	Addr netip.AddrPort // raw clients
	Host string         // of the request of raw clients
	URL  string         // library clients: http://host:port, or https
}

// Config says who connects where.
type Config struct {
	Edge    func(i int) Edge   // where client i connects
	Clients int                // how many
	Rooms   []string           // ids
	Seats   func(i int) []int  // the rooms of client i, as indexes
	Token   func(i int) string // the token of client i: what it is now; must not block
	From    netip.Addr         // raw clients: see swarm.Dial
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
