package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
)

const (
	headerTimeout = "Hub-Timeout" // what is left of the request's time, in ms: clocks may differ
	headerError   = "Hub-Error"   // a bus.Error as JSON
)

const (
	requestTimeout = 5 * time.Second
	// spreadTimeout is for how long a cluster's word is not believed that nobody serves.
	spreadTimeout = 300 * time.Millisecond
	spreadPause   = 20 * time.Millisecond
	// serveLimit is how many requests one Serve handles at the same time; further ones wait.
	serveLimit   = 256
	codeInternal = "internal"
)

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
	deadline, ok := ctx.Deadline()
	if !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		deadline, _ = ctx.Deadline()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.link.up(), cancel)() // the reply goes with the connection
	var reply *nats.Msg
	var err error
	for began := time.Now(); ; {
		reply, err = b.main.RequestMsgWithContext(ctx, &nats.Msg{
			Subject: b.names.rpc + service,
			Header:  nats.Header{headerTimeout: {strconv.FormatInt(max(1, time.Until(deadline).Milliseconds()), 10)}},
			Data:    data,
		})
		// The servers of a cluster tell each other who serves, which takes a moment. Nobody has
		// seen the request.
		if !errors.Is(err, nats.ErrNoResponders) || b.cfg.Replicas == 1 || time.Since(began) > spreadTimeout || await.Sleep(ctx, spreadPause) != nil {
			break
		}
	}
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("%w: %s", bus.ErrNoResponder, service)
	case err != nil:
		return nil, b.fail("request "+service, err)
	}
	if text := header(reply.Header, headerError); text != "" {
		e := &bus.Error{Code: codeInternal}
		if err := json.Unmarshal([]byte(text), e); err != nil {
			e = &bus.Error{Code: codeInternal, Message: "the service's error cannot be read"}
		}
		return nil, e
	}
	return reply.Data, nil
}

// Serve implements bus.RPC.
func (b *Bus) Serve(ctx context.Context, service string, handle func(context.Context, []byte) ([]byte, error)) (bus.Subscription, error) {
	if b.isClosed() {
		return nil, bus.ErrClosed
	}
	if err := bus.CheckChannel(service); err != nil {
		return nil, err
	}
	s := &server{b: b, service: service, handle: handle, slots: make(chan struct{}, serveLimit), ended: make(chan struct{})}
	before := b.main.LastError()
	sub, err := b.main.QueueSubscribe(b.names.rpc+service, "hubbub", s.receive)
	if err != nil {
		return nil, b.fail("serve "+service, err)
	}
	sub.SetClosedHandler(func(string) { close(s.ended) })
	s.sub = sub
	if err := b.confirm(ctx, s, before); err != nil {
		return nil, err
	}
	return s, nil
}

// server answers the requests to one service.
type server struct {
	b       *Bus
	service string
	handle  func(context.Context, []byte) ([]byte, error)
	sub     *nats.Subscription
	slots   chan struct{}
	running sync.WaitGroup // adds happen in receive
	stop    sync.Once
	ended   chan struct{} // closed when receive is not called any more
}

func (s *server) receive(m *nats.Msg) {
	got := time.Now()
	s.slots <- struct{}{}
	s.running.Go(func() {
		defer func() { <-s.slots }()
		s.answer(got, m)
	})
}

func (s *server) answer(got time.Time, m *nats.Msg) {
	timeout := requestTimeout
	if ms, err := strconv.ParseInt(header(m.Header, headerTimeout), 10, 64); err == nil && ms > 0 {
		timeout = time.Duration(min(ms, int64(time.Hour/time.Millisecond))) * time.Millisecond
	}
	ctx, cancel := context.WithDeadline(context.Background(), got.Add(timeout))
	defer cancel()
	if ctx.Err() != nil {
		return // it waited too long: nobody is there to hear the answer
	}
	data, err := s.handle(ctx, m.Data)
	if err != nil && ctx.Err() != nil {
		return // the requester has given up by now, and says so better than this error
	}
	if err == nil && len(data) > bus.MaxData {
		err = fmt.Errorf("reply: %w: %d bytes", bus.ErrTooLarge, len(data))
	}
	reply := &nats.Msg{Subject: m.Reply, Data: data}
	if err != nil {
		reply.Data, reply.Header = nil, nats.Header{headerError: {s.describe(err)}}
	}
	if err := s.b.main.PublishMsg(reply); err != nil && !s.b.isClosed() {
		s.b.log.Debug("reply dropped", zap.String("service", s.service), zap.Error(err))
	}
}

// describe makes a header of an error: JSON escapes what a header may not hold.
func (s *server) describe(err error) string {
	e, ok := errors.AsType[*bus.Error](err)
	if !ok {
		s.b.log.Error("request failed", zap.String("service", s.service), zap.Error(err))
		e = &bus.Error{Code: codeInternal}
	}
	text, err := json.Marshal(e)
	if err != nil {
		return `{"code":"internal"}`
	}
	return string(text)
}

// Stop implements bus.Subscription. It answers what the server has already sent to this process,
// and waits for that.
func (s *server) Stop() {
	s.stop.Do(func() {
		if !s.b.main.IsConnected() || s.sub.Drain() != nil {
			_ = s.sub.Unsubscribe() // fails when the connection is closed
		}
	})
	<-s.ended
	s.running.Wait()
	s.b.forget(s)
}
