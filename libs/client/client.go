package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"

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
	link  *link
	joins *joins
	sends *sends
}

// Dial makes a Client and returns it once the server has welcomed it. Until then it tries again
// after every passing error; when ctx ends, or the server refuses the client, Dial fails and leaves
// nothing behind. Afterwards ctx does not matter: the Client lives until Close, or until the server
// closes it for good.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if err := cfg.withDefaults(); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c := newClient(cfg)
	c.link.wait.Go(c.link.run)
	if _, err := c.link.await(ctx, ""); err != nil {
		c.Close()
		if last := c.link.last; last != nil && !errors.Is(err, last) { // run has ended
			err = fmt.Errorf("%w; last: %w", err, last)
		}
		return nil, fmt.Errorf("dial: %w", err)
	}
	return c, nil
}

// newClient returns a client that does not run.
func newClient(cfg Config) *Client {
	l := &link{cfg: cfg, changed: make(chan struct{}), pending: map[string]chan<- wire.Event{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.joins = &joins{link: l, rooms: map[string]*room{}}
	return &Client{link: l, joins: l.joins, sends: &sends{link: l, turns: map[string]*turns{}}}
}

// Close says goodbye to the server and waits for the client's goroutines: when it has returned,
// Handle is not called any more. Calls under way fail with ErrClosed. It may be called twice.
func (c *Client) Close() {
	c.link.end(ErrClosed)
	c.link.wait.Wait()
}

// Done is closed when the client has ended, by Close or for good by the server.
func (c *Client) Done() <-chan struct{} { return c.link.ctx.Done() }

// Err returns why the client has ended: ErrClosed, a *CloseError, an *UpgradeError or a *chat.Error
// of hello or of Token; nil while it has not.
func (c *Client) Err() error { return c.link.why() }

// Welcome returns the latest welcome: the user, and the server's limits.
func (c *Client) Welcome() wire.Event {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.link.welcome
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
