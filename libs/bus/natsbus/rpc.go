package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
)

const (
	headerTimeout = "Hub-Timeout" // what is left of the request's time, in ms: clocks may differ
	headerError   = "Hub-Error"   // a bus.Error as JSON
)

const (
	// spreadTimeout is how long a cluster's answer that nobody serves is not believed.
	spreadTimeout = 300 * time.Millisecond
	spreadPause   = 20 * time.Millisecond
	// defaultTimeout and maxTimeout bound the time that a request may ask for.
	defaultTimeout = 5 * time.Second
	maxTimeout     = time.Hour
)

// Request implements driver.RPC.
func (b *Driver) Request(ctx context.Context, service string, data []byte) (driver.Reply, error) {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.link.up(), cancel)() // without the connection there is no reply
	for began := time.Now(); ; {
		reply, err := b.main.RequestMsgWithContext(ctx, &nats.Msg{
			Subject: b.names.rpc + service,
			Header:  nats.Header{headerTimeout: {strconv.FormatInt(max(1, time.Until(deadline).Milliseconds()), 10)}},
			Data:    data,
		})
		switch {
		case err == nil:
			r := driver.Reply{Data: reply.Data}
			if text := header(reply.Header, headerError); text != "" {
				r.Error = []byte(text)
			}
			return r, nil
		case !errors.Is(err, nats.ErrNoResponders):
			return driver.Reply{}, err
		// The servers of a cluster tell each other who serves, which takes a moment. Nobody has
		// seen the request.
		case b.cfg.Replicas == 1 || time.Since(began) > spreadTimeout || await.Sleep(ctx, spreadPause) != nil:
			return driver.Reply{}, fmt.Errorf("%w: %s", bus.ErrNoResponder, service)
		}
	}
}

// Serve implements driver.RPC.
func (b *Driver) Serve(ctx context.Context, service string, receive func(driver.Call)) (func(), error) {
	before, ended := b.main.LastError(), make(chan struct{})
	sub, err := b.main.QueueSubscribe(b.names.rpc+service, "hubbub", func(m *nats.Msg) {
		receive(driver.Call{Data: m.Data, Deadline: time.Now().Add(timeLeft(m)), Answer: func(r driver.Reply) { b.answer(m, r) }})
	})
	if err != nil {
		return nil, err
	}
	sub.SetClosedHandler(func(string) { close(ended) }) // no handler runs any more
	stop := func() {
		if !b.main.IsConnected() || sub.Drain() != nil {
			_ = sub.Unsubscribe() // fails when the connection is closed
		}
		<-ended
	}
	if err := b.confirm(ctx, before); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// timeLeft returns how long the requester still waits.
func timeLeft(m *nats.Msg) time.Duration {
	ms, err := strconv.ParseInt(header(m.Header, headerTimeout), 10, 64)
	if err != nil || ms <= 0 {
		return defaultTimeout
	}
	return time.Duration(min(ms, maxTimeout.Milliseconds())) * time.Millisecond
}

// answer sends a reply. Earlier releases know no reply for a busy service: for them, the requester
// waits until its time is up.
func (b *Driver) answer(m *nats.Msg, r driver.Reply) {
	if r.Busy {
		return
	}
	reply := &nats.Msg{Subject: m.Reply, Data: r.Data}
	if r.Error != nil { // JSON contains nothing that a header may not
		reply.Header = nats.Header{headerError: {string(r.Error)}}
	}
	if err := b.main.PublishMsg(reply); err != nil && !b.isClosed() {
		b.log.Debug("dropped a reply", zap.String("subject", m.Subject), zap.Error(err))
	}
}
