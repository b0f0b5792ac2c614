package redisbus

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/chat"
)

// server is one entry of a service's list of servers.
type server struct {
	b       *Driver
	service string
	id      string
	handle  func(driver.Call)
	// closed when everything that was sent before the server left the list has arrived
	fence chan struct{}

	registering sync.Mutex // held while the list is written
	left        bool       // guarded by registering: the server has left the list for good
}

// Serve implements driver.RPC.
func (b *Driver) Serve(ctx context.Context, service string, receive func(driver.Call)) (func(), error) {
	s := &server{b: b, service: service, id: chat.NewID(), handle: receive, fence: make(chan struct{}, 1)}
	err := b.channels.subscribe(ctx, []string{s.channel()}, s.receive)
	if err == nil {
		err = s.announce(ctx)
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	b.calls.mu.Lock()
	b.calls.servers[s] = struct{}{}
	b.calls.mu.Unlock()
	return s.stop, nil
}

func (s *server) channel() string { return s.b.keys.rpc(s.service) + s.id }

// announce puts the server on the service's list.
func (s *server) announce(ctx context.Context) error {
	s.registering.Lock()
	defer s.registering.Unlock()
	if s.left {
		return nil
	}
	k := s.b.keys
	return s.b.retry.Do(ctx, "serve "+s.service, func(ctx context.Context) error {
		_, err := s.b.run(ctx, k.partition(s.service), serveScript, []string{k.serve(s.service)}, s.id, listSeconds)
		return err
	})
}

// receive handles a request. An empty message is the server's own fence.
func (s *server) receive(_, message string) {
	if len(message) < requestHead {
		if message == "" {
			select {
			case s.fence <- struct{}{}:
			default:
			}
		}
		return
	}
	number, from := readUint64(message), message[requestHead-idLen:requestHead]
	left := time.Duration(binary.BigEndian.Uint32([]byte(message[8:12]))) * time.Millisecond
	s.handle(driver.Call{
		Data: []byte(message[requestHead:]), Deadline: time.Now().Add(left),
		Answer: func(r driver.Reply) { s.b.replies.put(s.b.keys.reply(from), encodeReply(number, r)) },
	})
}

// stop removes the server from the list, and waits until everything that was sent to it before has
// arrived.
func (s *server) stop() {
	s.b.calls.mu.Lock()
	delete(s.b.calls.servers, s)
	s.b.calls.mu.Unlock()
	s.leave()
	s.b.channels.unsubscribe([]string{s.channel()})
}

func (s *server) leave() {
	s.registering.Lock()
	defer s.registering.Unlock()
	s.left = true
	ctx, cancel := attempt(context.Background())
	defer cancel()
	pipe := s.b.at(s.b.keys.partition(s.service)).Pipeline()
	pipe.SRem(ctx, s.b.keys.serve(s.service), s.id)
	heard := pipe.SPublish(ctx, s.channel(), "")
	if _, err := pipe.Exec(ctx); err != nil || heard.Val() == 0 {
		return // the server or this process is cut off: nothing more can arrive
	}
	select {
	case <-s.fence:
	case <-ctx.Done():
	}
}
