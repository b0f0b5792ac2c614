package bus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
)

const (
	// requestTimeout is the deadline of a request whose context has none.
	requestTimeout = 5 * time.Second
	// serveLimit is how many requests one Serve handles at the same time. More of them wait,
	serveLimit = 256
	// up to serveQueue requests and serveBytes bytes; further ones are refused as busy.
	serveQueue   = 4096
	serveBytes   = 32 << 20
	codeInternal = "internal"
)

var errBusy = errors.New("the service has too many requests waiting")

// Request implements RPC.
func (b *Bus) Request(ctx context.Context, service string, data []byte) ([]byte, error) {
	if err := b.check(cmp.Or(driver.CheckChannel(service), checkData(data))); err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, requestTimeout)
		defer cancel()
	}
	ctx, done := b.until(ctx)
	defer done()
	r, err := b.d.Request(ctx, service, data)
	if r.Busy {
		err = errBusy
	}
	switch {
	case err != nil:
		return nil, b.retry.Fail("request "+service, err)
	case r.Error == nil:
		return r.Data, nil
	}
	e := &Error{Code: codeInternal}
	if err := json.Unmarshal(r.Error, e); err != nil {
		e = &Error{Code: codeInternal, Message: "the service's error cannot be read"}
	}
	return nil, e
}

// server answers the requests to one service.
type server struct {
	b       *Bus
	service string
	handle  func(context.Context, []byte) ([]byte, error)
	leave   func() // the driver's; once it has returned, no request arrives
	left    sync.Once

	mu      sync.Mutex
	queue   []driver.Call
	bytes   int // of the data in queue
	active  int // requests in progress
	idle    sync.Cond
	stopped bool
}

// Serve implements RPC.
func (b *Bus) Serve(ctx context.Context, service string, handle func(context.Context, []byte) ([]byte, error)) (Subscription, error) {
	if err := b.check(driver.CheckChannel(service)); err != nil {
		return nil, err
	}
	ctx, done := b.until(ctx)
	defer done()
	s := &server{b: b, service: service, handle: handle}
	s.idle.L = &s.mu
	var err error
	if s.leave, err = b.d.Serve(ctx, service, s.receive); err != nil {
		return nil, b.retry.Fail("serve "+service, err)
	}
	if err := b.keep(s); err != nil {
		return nil, err
	}
	return s, nil
}

// receive handles a request at once, queues it, or refuses it as busy.
func (s *server) receive(c driver.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
	case s.active < serveLimit:
		s.active++
		go s.work(c)
	case len(s.queue) < serveQueue && s.bytes+len(c.Data) <= serveBytes:
		s.queue = append(s.queue, c)
		s.bytes += len(c.Data)
	default:
		c.Answer(driver.Reply{Busy: true})
	}
}

// work answers a request, and then those in the queue. Stop waits for it through active.
func (s *server) work(c driver.Call) {
	for {
		s.answer(c)
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.queue = nil
			s.active--
			if s.active == 0 {
				s.idle.Broadcast()
			}
			s.mu.Unlock()
			return
		}
		c, s.queue = s.queue[0], s.queue[1:]
		s.bytes -= len(c.Data)
		s.mu.Unlock()
	}
}

func (s *server) answer(c driver.Call) {
	ctx, cancel := context.WithDeadline(context.Background(), c.Deadline)
	defer cancel()
	if ctx.Err() != nil {
		return // it waited too long: the requester has given up
	}
	data, err := s.handle(ctx, c.Data)
	if err != nil && ctx.Err() != nil {
		return // the requester has given up by now, and reports that better than this error
	}
	if err == nil {
		if err = checkData(data); err == nil {
			c.Answer(driver.Reply{Data: data})
			return
		}
		err = fmt.Errorf("reply: %w", err)
	}
	c.Answer(driver.Reply{Error: s.describe(err)})
}

// describe encodes an error as JSON. An error without a code crosses the bus without detail.
func (s *server) describe(err error) []byte {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		s.b.log.Error("a request failed", zap.String("service", s.service), zap.Error(err))
		e = &Error{Code: codeInternal}
	}
	text, err := json.Marshal(e)
	if err != nil {
		return []byte(`{"code":"internal"}`)
	}
	return text
}

// Stop implements Subscription. It answers the requests that this process has received, and waits
// for that.
func (s *server) Stop() {
	s.left.Do(s.leave)
	s.mu.Lock()
	s.stopped = true
	for s.active > 0 {
		s.idle.Wait()
	}
	s.mu.Unlock()
	s.b.forget(s)
}
