package natsbus

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// attemptTimeout is how long one try of a request may take; a reply can be lost.
	attemptTimeout = 3 * time.Second
	// inboxPending bounds what has arrived and is not yet handled, in bytes.
	inboxPending = 512 << 20
)

// inbox receives the replies to requests that have several, all over one subscription.
type inbox struct {
	nc     *nats.Conn
	prefix string
	last   atomic.Uint64

	mu    sync.Mutex
	calls map[string]*call
}

// call is one request. receive returns true when it has seen the last reply.
type call struct {
	mu      sync.Mutex
	receive func(*nats.Msg) bool
	ended   bool
	done    chan struct{}
}

func newInbox(nc *nats.Conn) (*inbox, error) {
	i := &inbox{nc: nc, prefix: nc.NewInbox() + ".", calls: make(map[string]*call)}
	sub, err := nc.Subscribe(i.prefix+"*", i.receive)
	if err != nil {
		return nil, fmt.Errorf("subscribe to replies: %w", err)
	}
	return i, sub.SetPendingLimits(-1, inboxPending)
}

func (i *inbox) receive(m *nats.Msg) {
	i.mu.Lock()
	c := i.calls[strings.TrimPrefix(m.Subject, i.prefix)]
	i.mu.Unlock()
	if c == nil {
		return // its caller has given up
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended && c.receive(m) {
		c.ended = true
		close(c.done)
	}
}

// request sends body as JSON and hands the replies to receive, from another goroutine, until
// that returns true. When request has returned, receive is not running any more.
func (i *inbox) request(ctx context.Context, subject string, body any, receive func(*nats.Msg) bool) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	token := strconv.FormatUint(i.last.Add(1), 36)
	c := &call{receive: receive, done: make(chan struct{})}
	i.mu.Lock()
	i.calls[token] = c
	i.mu.Unlock()
	defer func() {
		i.mu.Lock()
		delete(i.calls, token)
		i.mu.Unlock()
		c.mu.Lock()
		c.ended = true
		c.mu.Unlock()
	}()
	if err := i.nc.PublishRequest(subject, i.prefix+token, data); err != nil {
		return err
	}
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
