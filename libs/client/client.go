package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// ErrClosed is returned by calls to a closed Client.
var ErrClosed = errors.New("client is closed")

// ErrUnknown says that the outcome of a command is unknown: it may or may not have taken effect.
var ErrUnknown = errors.New("the outcome is unknown")

// errLost ends an attempt when its connection is lost.
var errLost = errors.New("the connection was lost")

// Client is a user's connection to Hubbub that heals itself. Its methods may be called from any
// number of goroutines.
type Client struct {
	cfg    Config
	ctx    context.Context // ends with Close, and when the server closes the client for good
	cancel context.CancelFunc
	wait   sync.WaitGroup // for every goroutine of the client

	// handling serialises Config.Handle. It is taken before mu, never while mu is held.
	handling sync.Mutex

	mu      sync.Mutex
	conn    *Conn      // nil: not connected, or not yet welcomed
	welcome wire.Event // the latest
	// closed and replaced at each change that calls wait for: conn, rooms, err
	changed chan struct{}
	rooms   map[string]*room
	turns   map[string]*turns
	pending map[string]chan<- wire.Event // by request id; closed when the connection is lost
	lastID  uint64                       // the latest request id
	status  string                       // set by Status; sent again at each connection
	last    error                        // why the last attempt to connect failed
	err     error                        // why the client has ended
}

// Dial makes a Client and returns it once the server has welcomed it. Until then it tries again
// after every passing error; when ctx ends, or the server refuses the client, Dial fails and leaves
// nothing behind. Afterwards ctx does not matter: the Client lives until Close, or until the server
// closes it for good.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if err := cfg.withDefaults(); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c := &Client{
		cfg: cfg, changed: make(chan struct{}),
		rooms: map[string]*room{}, turns: map[string]*turns{}, pending: map[string]chan<- wire.Event{},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.wait.Go(c.run)
	if _, err := c.await(ctx, ""); err != nil {
		c.Close()
		if c.last != nil && !errors.Is(err, c.last) { // run has ended
			err = fmt.Errorf("%w; last: %w", err, c.last)
		}
		return nil, fmt.Errorf("dial: %w", err)
	}
	return c, nil
}

// Close says goodbye to the server and waits for the client's goroutines: when it has returned,
// Handle is not called any more. Calls under way fail with ErrClosed. It may be called twice.
func (c *Client) Close() {
	c.end(ErrClosed)
	c.wait.Wait()
}

// Done is closed when the client has ended, by Close or for good by the server.
func (c *Client) Done() <-chan struct{} { return c.ctx.Done() }

// Err returns why the client has ended: ErrClosed, a *CloseError, an *UpgradeError or a *chat.Error
// of hello or of Token; nil while it has not.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Welcome returns the latest welcome: the user, and the server's limits.
func (c *Client) Welcome() wire.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.welcome
}

// end ends the client with an error, unless it has ended.
func (c *Client) end(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	conn := c.disconnect()
	c.mu.Unlock()
	c.cancel()
	if conn != nil {
		conn.Close(wire.CloseNormal)
	}
}

// disconnect drops the connection, which the caller closes, and fails all calls that wait for
// replies on it. mu is held.
func (c *Client) disconnect() *Conn {
	conn := c.conn
	c.conn = nil
	for id, ch := range c.pending {
		close(ch)
		delete(c.pending, id)
	}
	for _, r := range c.rooms {
		r.live = false
	}
	c.announce()
	return conn
}

// announce wakes all calls that wait for a change. mu is held.
func (c *Client) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// start runs f in a goroutine of the client's, unless it has ended. mu is held.
func (c *Client) start(f func()) {
	if c.err == nil {
		c.wait.Go(f)
	}
}

// await returns the connection once there is one and, for a room that the client has joined, once
// the room is live on it.
func (c *Client) await(ctx context.Context, name string) (*Conn, error) {
	for {
		c.mu.Lock()
		err, conn, changed := c.err, c.conn, c.changed
		r := c.rooms[name]
		ready := conn != nil && (r == nil || r.live)
		c.mu.Unlock()
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
func (c *Client) handle(e wire.Event) {
	c.handling.Lock()
	defer c.handling.Unlock()
	c.cfg.Handle(e)
}

// passes reports whether an error may pass with time.
func passes(err error) bool {
	if e, ok := errors.AsType[*CloseError](err); ok {
		return wire.ComesBack(e.Code)
	}
	if e, ok := errors.AsType[*UpgradeError](err); ok {
		return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout
	}
	e, ok := errors.AsType[*chat.Error](err)
	if !ok || e.RetryAfter > 0 {
		return true
	}
	switch e.Code {
	case chat.CodeUnavailable, chat.CodeRateLimited, chat.CodeInternal, chat.CodeTokenExpired:
		return true
	}
	return false
}
