package redisbus

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
)

// A request goes to the channel of one server, which a script picks from the list of the service:
// PUBLISH says whether anybody listens there, so a dead server is found out at once. The reply goes
// to the channel of the requester's bus. Neither is written to disk.
//
//	request   number (8 bytes), time left (ms, 4 bytes), requester's bus (chat.NewID, 36 bytes), data
//	reply     number, status (1 byte), data or a bus.Error as JSON
const (
	idLen       = 36
	requestHead = 8 + 4 + idLen
	replyHead   = 8 + 1
)

const (
	statusOK    = 0
	statusError = 1
	statusBusy  = 2 // the server has too many requests waiting
)

const (
	requestTimeout = 5 * time.Second
	maxTimeout     = time.Hour
	codeInternal   = "internal"
	// announceEvery is how often a server says that it serves: a requester may have taken it off
	// the list while its connection was down, or Redis may have lost the list.
	announceEvery = 5 * time.Second
	// listSeconds is for how long the list of a service is kept when nobody serves it any more.
	listSeconds = 3600
)

var errBusy = errors.New("the service has too many requests waiting")

// calls has the requests of this process that wait for a reply, and the services that it serves.
type calls struct {
	b    *Bus
	wake chan struct{}

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan string // replies, by number
	servers map[*server]struct{}
}

func newCalls(b *Bus) *calls {
	return &calls{b: b, wake: make(chan struct{}, 1), waiting: make(map[uint64]chan string), servers: make(map[*server]struct{})}
}

// subscribe makes replies arrive.
func (c *calls) subscribe(ctx context.Context) error {
	return c.b.channels.subscribe(ctx, []string{c.b.keys.reply(c.b.id)}, c.replied)
}

// announce has all servers of this process put on the lists of their services again.
func (c *calls) announce() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *calls) run(ctx context.Context) {
	tick := time.NewTicker(announceEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.wake:
		}
		c.mu.Lock()
		var all []*server
		for s := range c.servers {
			all = append(all, s)
		}
		c.mu.Unlock()
		for _, s := range all {
			if err := s.announce(ctx); err != nil {
				c.b.log.Debug("could not announce a service; trying again", zap.String("service", s.service), zap.Error(err))
			}
		}
	}
}

// Request implements bus.RPC.
func (b *Bus) Request(ctx context.Context, service string, data []byte) ([]byte, error) {
	if b.isClosed() {
		return nil, bus.ErrClosed
	}
	if err := bus.CheckChannel(service); err != nil {
		return nil, err
	}
	if len(data) > bus.MaxData {
		return nil, fmt.Errorf("%w: %d bytes", bus.ErrTooLarge, len(data))
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, requestTimeout)
		defer cancel()
	}
	number, reply := b.calls.begin()
	defer b.calls.end(number)
	if err := b.calls.send(ctx, service, number, data); err != nil {
		return nil, err
	}
	select {
	case r := <-reply:
		return b.calls.read(service, r)
	case <-ctx.Done():
		return nil, b.fail("request "+service, ctx.Err())
	case <-b.ctx.Done():
		return nil, bus.ErrClosed
	}
}

func (c *calls) begin() (uint64, <-chan string) {
	reply := make(chan string, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	c.waiting[c.last] = reply
	return c.last, reply
}

func (c *calls) end(number uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, number)
}

// send hands the request to a server. It is tried again only when the server cannot have seen it.
func (c *calls) send(ctx context.Context, service string, number uint64, data []byte) error {
	deadline, _ := ctx.Deadline()
	q := make([]byte, 0, requestHead+len(data))
	q = binary.BigEndian.AppendUint64(q, number)
	q = binary.BigEndian.AppendUint32(q, 0)
	q = append(q, c.b.id...)
	q = append(q, data...)
	var found int
	var broken error
	err := c.b.retry(ctx, "request "+service, func(ctx context.Context) (err error) {
		left := min(max(time.Until(deadline), time.Millisecond), maxTimeout)
		binary.BigEndian.PutUint32(q[8:], uint32(left.Milliseconds()))
		found, err = requestScript.Run(ctx, c.b.at(c.b.keys.partition(service)), []string{c.b.keys.serve(service)},
			c.b.keys.rpc(service), rand.IntN(1<<20), q).Int()
		var answer redis.Error
		if err != nil && !errors.As(err, &answer) && !undelivered(err) {
			broken, err = err, nil
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case broken != nil:
		return c.b.fail("request "+service, broken)
	case found == 0:
		return fmt.Errorf("%w: %s", bus.ErrNoResponder, service)
	}
	return nil
}

// replied takes a reply.
func (c *calls) replied(_, message string) {
	if len(message) < replyHead {
		return
	}
	number := readUint64(message)
	c.mu.Lock()
	reply := c.waiting[number]
	delete(c.waiting, number) // the first reply is the one
	c.mu.Unlock()
	if reply != nil {
		reply <- message[8:]
	}
}

// read makes a result of a reply.
func (c *calls) read(service, reply string) ([]byte, error) {
	switch body := reply[1:]; reply[0] {
	case statusOK:
		return []byte(body), nil
	case statusError:
		e := &bus.Error{}
		if err := json.Unmarshal([]byte(body), e); err != nil {
			e = &bus.Error{Code: codeInternal, Message: "the service's error cannot be read"}
		}
		return nil, e
	case statusBusy:
		return nil, c.b.fail("request "+service, errBusy)
	default:
		return nil, c.b.fail("request "+service, errAnswer)
	}
}
