// Package transport moves bytes between sockets and the hub: on Linux raw non-blocking sockets, one
// epoll loop and one listener each, with twelve bytes per connection; elsewhere, and in tests that
// want it, net.Conn with goroutines. The hub does not know which.
//
// It knows no WebSocket and no HTTP: what bytes mean is the handler's business.
package transport

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Handler is told what happens on a loop. Its methods are called by the loop's goroutine, one at a
// time, and must not block. A slot names a connection until Gone has returned or Loop.Close,
// Loop.Detach was called; then it names another.
type Handler interface {
	// Opened says that a connection was accepted.
	Opened(slot uint32)
	// Received hands over what has arrived. The memory is the handler's until it returns, and may
	// be changed.
	Received(slot uint32, b []byte)
	// Writable says that a connection whose last Write was short takes more.
	Writable(slot uint32)
	// Gone says that the peer has closed or reset the connection.
	Gone(slot uint32)
	// Refused says that a connection was turned away because the process has no file descriptor
	// left.
	Refused()
	// Turn is called after each round of the above and when Wake was called. The loop waits for at
	// most the duration that it returns before the next; negative: until something happens.
	Turn() time.Duration
}

// Loop drives connections. All methods but Wake are for the handler, on the loop's goroutine.
type Loop interface {
	// Write writes as much of bufs (at most MaxBufs of them) as the connection takes without
	// waiting. When that is not all, Writable follows. An error means that the connection is
	// broken; the handler closes it.
	Write(slot uint32, bufs [][]byte) (int, error)
	// Close ends a connection at once. What was written is still sent.
	Close(slot uint32)
	// Finish says that nothing more will be written: the peer sees the end of the stream.
	Finish(slot uint32)
	// Detach takes a connection out of the loop.
	Detach(slot uint32) (net.Conn, error)
	// Peer returns the address at the other end; the zero Addr if it cannot be told.
	Peer(slot uint32) netip.Addr
	// Wake makes the loop take a turn soon. It may be called from any goroutine, and does nothing
	// after Run.
	Wake()
	// StopListening closes the loop's listener.
	StopListening()
	// Run drives the loop until ctx ends, and then closes everything that it has.
	Run(ctx context.Context) error
	// Dispose releases what New acquired, if Run was never called.
	Dispose()
}

// Starting is what a new loop of Listen needs from the hub: given the loop, its handler.
type Starting func(l Loop) Handler

// maxRead is how many bytes are read from a connection at a time.
const maxRead = 64 << 10

// MaxBufs is how many pieces one Write takes.
const MaxBufs = 64

// Refusal is what a connection is answered that cannot be taken in: the process has no file
// descriptor left.
var Refusal = []byte("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
