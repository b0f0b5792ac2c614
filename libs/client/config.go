package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/wire"
)

// Config configures a Client. Only URL and Token are required.
type Config struct {
	URL  string     // of the edge: ws://host/v1/ws or wss://…
	Conn ConnConfig // how to connect

	// Token returns the access token for a new connection; it is called for each. A *chat.Error
	// with the code unauthorized or forbidden ends the Client; after any other error it tries
	// again.
	Token func(ctx context.Context) (string, error)
	// TokenExpired, if set, is called when the server refuses the token as expired, before Token is
	// called again.
	TokenExpired func(token string)
	Device       string // web, phone, desktop or bot; empty: not told

	// Handle is called for each event that is no reply, in order: the entries of joined rooms'
	// logs, each once; typing, read, presence, notice and bye; welcome, at each connection; joined
	// with Rewind, when what was delivered of the room is void: drop it and fetch a page of
	// History; and error, with Room, when a room could not be joined again. Calls never overlap.
	// Handle holds up the connection: it must return soon, and must neither wait for a call of the
	// Client nor Close it; start a goroutine for that. The handler owns the event.
	Handle func(wire.Event)

	Log *zap.Logger // nil: none

	// ReplyTimeout is how long a command waits for its reply before it is sent again; 0: 10 s.
	ReplyTimeout time.Duration
	// RetryFor is how long after its first attempt a command is repeated; 0: 60 s. Then its outcome
	// is unknown.
	RetryFor time.Duration
	// Silence is how long the server may be silent before the connection counts as dead; 0: 60 s.
	Silence time.Duration
	// MinBackoff and MaxBackoff bound the time before the first and any later attempt to connect;
	// 0: 250 ms and 15 s.
	MinBackoff, MaxBackoff time.Duration
}

func (c *Config) withDefaults() error {
	u, err := url.Parse(c.URL)
	if err != nil {
		return fmt.Errorf("url: %w", err)
	}
	if u.Scheme != "ws" && u.Scheme != "wss" {
		return fmt.Errorf("url %q is neither ws nor wss", c.URL)
	}
	if c.Token == nil {
		return errors.New("a client needs a Token function")
	}
	if c.Handle == nil {
		c.Handle = func(wire.Event) {}
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	for _, d := range []struct {
		set  *time.Duration
		to   time.Duration
		name string
	}{
		{&c.ReplyTimeout, 10 * time.Second, "ReplyTimeout"},
		{&c.RetryFor, time.Minute, "RetryFor"},
		{&c.Silence, time.Minute, "Silence"},
		{&c.MinBackoff, 250 * time.Millisecond, "MinBackoff"},
		{&c.MaxBackoff, 15 * time.Second, "MaxBackoff"},
	} {
		if *d.set < 0 {
			return fmt.Errorf("%s is negative", d.name)
		}
		if *d.set == 0 {
			*d.set = d.to
		}
	}
	return nil
}
