package client

import (
	"context"
	"sync"

	"hubbub.internal/libs/wire"
)

// link is the connection of a client, which it makes anew whenever it is lost, and the commands
// that wait for replies on it. Its methods may be called from any number of goroutines.
type link struct {
	cfg    Config
	ctx    context.Context // ends with Close, and when the server closes the client for good
	cancel context.CancelFunc
	wait   sync.WaitGroup // for every goroutine of the client
	joins  *joins

	// handling serialises Config.Handle. It is taken before mu, never while mu is held.
	handling sync.Mutex

	mu      sync.Mutex // also guards the rooms of joins
	conn    *Conn      // nil: not connected, or not yet welcomed
	welcome wire.Event // the latest
	// closed and replaced at each change that calls wait for: conn, rooms, err
	changed chan struct{}
	pending map[string]chan<- wire.Event // by request id; closed when the connection is lost
	lastID  uint64                       // the latest request id
	status  string                       // set by Status; sent again at each connection
	last    error                        // why the last attempt to connect failed
	err     error                        // why the client has ended
}

// end ends the client with an error, unless it has ended.
func (l *link) end(err error) {
	l.mu.Lock()
	if l.err == nil {
		l.err = err
	}
	conn := l.disconnect()
	l.mu.Unlock()
	l.cancel()
	if conn != nil {
		conn.Close(wire.CloseNormal)
	}
}

// disconnect drops the connection, which the caller closes, and fails all calls that wait for
// replies on it. mu is held.
func (l *link) disconnect() *Conn {
	conn := l.conn
	l.conn = nil
	for id, ch := range l.pending {
		close(ch)
		delete(l.pending, id)
	}
	l.joins.lost()
	l.announce()
	return conn
}

// announce wakes all calls that wait for a change. mu is held.
func (l *link) announce() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// start runs f in a goroutine of the client's, unless it has ended. mu is held.
func (l *link) start(f func()) {
	if l.err == nil {
		l.wait.Go(f)
	}
}

// await returns the connection once there is one and, for a room that the client has joined, once
// the room is live on it.
func (l *link) await(ctx context.Context, name string) (*Conn, error) {
	for {
		l.mu.Lock()
		err, conn, changed := l.err, l.conn, l.changed
		ready := conn != nil && l.joins.isReady(name)
		l.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case ready:
			return conn, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// handle delivers an event, also while the client is being closed: the room's position has passed
// it already.
func (l *link) handle(e wire.Event) {
	l.handling.Lock()
	defer l.handling.Unlock()
	l.cfg.Handle(e)
}

// why returns why the client has ended; nil while it has not.
func (l *link) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
