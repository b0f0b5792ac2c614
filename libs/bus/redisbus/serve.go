package redisbus

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

const (
	// serveLimit is how many requests one Serve handles at the same time; further ones wait,
	serveLimit = 256
	// up to so many, and so many bytes of them.
	serveQueue = 4096
	serveBytes = 32 << 20
)

// server answers the requests to one service.
type server struct {
	b       *Bus
	service string
	id      string
	handle  func(context.Context, []byte) ([]byte, error)

	registering sync.Mutex // held while the server's list is written
	left        bool       // guarded by registering: it is off the list for good

	mu      sync.Mutex
	queue   []request
	bytes   int
	active  int
	idle    sync.Cond     // active is 0; with mu
	fence   chan struct{} // closed when what was sent before the server left the list has arrived
	stopped bool
}

type request struct {
	number   uint64
	from     string
	deadline time.Time
	data     string
}

// Serve implements bus.RPC.
func (b *Bus) Serve(ctx context.Context, service string, handle func(context.Context, []byte) ([]byte, error)) (bus.Subscription, error) {
	if b.isClosed() {
		return nil, bus.ErrClosed
	}
	if err := bus.CheckChannel(service); err != nil {
		return nil, err
	}
	s := &server{b: b, service: service, id: chat.NewID(), handle: handle, fence: make(chan struct{})}
	s.idle.L = &s.mu
	if err := b.keep(s); err != nil {
		return nil, err
	}
	err := b.channels.subscribe(ctx, []string{s.channel()}, s.receive)
	if err == nil {
		err = s.announce(ctx)
	}
	if err != nil {
		s.Stop()
		return nil, err
	}
	b.calls.mu.Lock()
	b.calls.servers[s] = struct{}{}
	b.calls.mu.Unlock()
	return s, nil
}

func (s *server) channel() string { return s.b.keys.rpc(s.service) + s.id }

// announce puts the server on the service's list.
func (s *server) announce(ctx context.Context) error {
	s.registering.Lock()
	defer s.registering.Unlock()
	if s.left {
		return nil
	}
	_, err := s.b.run(ctx, "serve "+s.service, s.b.keys.partition(s.service), serveScript, []string{s.b.keys.serve(s.service)}, s.id, listSeconds)
	return err
}

// receive takes a request. An empty message is the server's own: the fence.
func (s *server) receive(_, message string) {
	if len(message) < requestHead {
		s.mu.Lock()
		defer s.mu.Unlock()
		if message == "" && !s.stopped {
			s.stopped = true
			close(s.fence)
		}
		return
	}
	q := request{
		number:   readUint64(message),
		from:     message[requestHead-idLen : requestHead],
		deadline: time.Now().Add(time.Duration(binary.BigEndian.Uint32([]byte(message[8:12]))) * time.Millisecond),
		data:     message[requestHead:],
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
	case s.active < serveLimit:
		s.active++
		go s.work(q)
	case len(s.queue) < serveQueue && s.bytes+len(q.data) <= serveBytes:
		s.queue = append(s.queue, q)
		s.bytes += len(q.data)
	default:
		s.reply(q, statusBusy, nil)
	}
}

// work answers a request and then those that wait. Stop waits for it by active.
func (s *server) work(q request) {
	for {
		s.answer(q)
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
		q, s.queue = s.queue[0], s.queue[1:]
		s.bytes -= len(q.data)
		s.mu.Unlock()
	}
}

func (s *server) answer(q request) {
	ctx, cancel := context.WithDeadline(context.Background(), q.deadline)
	defer cancel()
	if ctx.Err() != nil {
		return // it waited too long: nobody is there to hear the answer
	}
	data, err := s.handle(ctx, []byte(q.data))
	if err == nil && len(data) > bus.MaxData {
		err = fmt.Errorf("reply: %w: %d bytes", bus.ErrTooLarge, len(data))
	}
	if err != nil {
		s.reply(q, statusError, s.describe(err))
		return
	}
	s.reply(q, statusOK, data)
}

func (s *server) reply(q request, status byte, data []byte) {
	r := make([]byte, 0, replyHead+len(data))
	r = binary.BigEndian.AppendUint64(r, q.number)
	r = append(r, status)
	s.b.replies.put(s.b.keys.reply(q.from), append(r, data...))
}

func (s *server) describe(err error) []byte {
	e, ok := errors.AsType[*bus.Error](err)
	if !ok {
		s.b.log.Error("request failed", zap.String("service", s.service), zap.Error(err))
		e = &bus.Error{Code: codeInternal}
	}
	text, err := json.Marshal(e)
	if err != nil {
		return []byte(`{"code":"internal"}`)
	}
	return text
}

// Stop implements bus.Subscription. Requests that were handed to this server before it is off the
// list are answered; then it waits for those in hand.
func (s *server) Stop() {
	s.b.calls.mu.Lock()
	delete(s.b.calls.servers, s)
	s.b.calls.mu.Unlock()
	s.leave()
	s.mu.Lock()
	s.stopped = true
	for s.active > 0 {
		s.idle.Wait()
	}
	s.mu.Unlock()
	s.b.channels.unsubscribe([]string{s.channel()})
	s.b.forget(s)
}

// leave takes the server off the list, and waits until everything that was sent to it before has
// arrived.
func (s *server) leave() {
	s.registering.Lock()
	defer s.registering.Unlock()
	if s.left {
		return
	}
	s.left = true
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	pipe := s.b.at(s.b.keys.partition(s.service)).Pipeline()
	pipe.SRem(ctx, s.b.keys.serve(s.service), s.id)
	heard := pipe.SPublish(ctx, s.channel(), "")
	if _, err := pipe.Exec(ctx); err != nil || heard.Val() == 0 {
		return // the server is away, or we are: nothing more can arrive
	}
	select {
	case <-s.fence:
	case <-ctx.Done():
	}
}
