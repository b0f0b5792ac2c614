package redisbus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
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
	maxTimeout = time.Hour
	// announceEvery is how often a server registers with its service's list: a requester may have
	// removed it while its connection was down, or Redis may have lost the list.
	announceEvery = 5 * time.Second
	// listSeconds is how long the list of a service is kept when nobody serves it any more.
	listSeconds = 3600
)

// calls holds this process's requests that wait for a reply, and the services that it serves.
type calls struct {
	b    *Driver
	wake chan struct{}

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan string // replies, by number
	servers map[*server]struct{}
}

func newCalls(b *Driver) *calls {
	return &calls{b: b, wake: make(chan struct{}, 1), waiting: make(map[uint64]chan string), servers: make(map[*server]struct{})}
}

// subscribe subscribes to the channel of replies.
func (c *calls) subscribe(ctx context.Context) error {
	return c.b.channels.subscribe(ctx, []string{c.b.keys.reply(c.b.id)}, c.replied)
}

// announce registers all servers of this process with the lists of their services again.
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

// Request implements driver.RPC.
func (b *Driver) Request(ctx context.Context, service string, data []byte) (driver.Reply, error) {
	number, reply := b.calls.begin()
	defer b.calls.end(number)
	if err := b.calls.send(ctx, service, number, data); err != nil {
		return driver.Reply{}, err
	}
	select {
	case r := <-reply:
		return decodeReply(r)
	case <-ctx.Done():
		return driver.Reply{}, ctx.Err()
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

// send hands the request to a server. It tries again only when the server cannot have seen it.
func (c *calls) send(ctx context.Context, service string, number uint64, data []byte) error {
	deadline, _ := ctx.Deadline()
	q := make([]byte, 0, requestHead+len(data))
	q = binary.BigEndian.AppendUint64(q, number)
	q = binary.BigEndian.AppendUint32(q, 0)
	q = append(q, c.b.id...)
	q = append(q, data...)
	var found int
	var broken error
	err := c.b.retry.Do(ctx, "request "+service, func(ctx context.Context) (err error) {
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
	case err != nil || broken != nil:
		return errors.Join(err, broken)
	case found == 0:
		return fmt.Errorf("%w: %s", bus.ErrNoResponder, service)
	}
	return nil
}

// replied dispatches a reply to its request.
func (c *calls) replied(_, message string) {
	if len(message) < replyHead {
		return
	}
	number := readUint64(message)
	c.mu.Lock()
	reply := c.waiting[number]
	delete(c.waiting, number) // only the first reply counts
	c.mu.Unlock()
	if reply != nil {
		reply <- message[8:]
	}
}

func decodeReply(r string) (driver.Reply, error) {
	switch body := []byte(r[1:]); r[0] {
	case statusOK:
		return driver.Reply{Data: body}, nil
	case statusError:
		return driver.Reply{Error: body}, nil
	case statusBusy:
		return driver.Reply{Busy: true}, nil
	}
	return driver.Reply{}, errAnswer
}

func encodeReply(number uint64, r driver.Reply) []byte {
	status, body := byte(statusOK), r.Data
	switch {
	case r.Busy:
		status = statusBusy
	case r.Error != nil:
		status, body = statusError, r.Error
	}
	out := make([]byte, 0, replyHead+len(body))
	out = binary.BigEndian.AppendUint64(out, number)
	return append(append(out, status), body...)
}
