package api

import (
	"context"
	"fmt"

	"hubbub.internal/libs/bus"
)

// Method is a request that a process answers: see Serve.
type Method struct {
	service string
	serve   func(ctx context.Context, r bus.RPC, fail func(service string, err error)) (bus.Subscription, error)
}

// Answer returns the Method that answers requests to a service with handle, as Handle does.
func Answer[Req, Rep any](service string, handle func(context.Context, Req) (Rep, error)) Method {
	return Method{service, func(ctx context.Context, r bus.RPC, fail func(string, error)) (bus.Subscription, error) {
		return Handle(ctx, r, service, fail, handle)
	}}
}

// AnswerRaw is Answer of requests and replies that are no JSON: the bytes go as they are.
func AnswerRaw(service string, handle func(ctx context.Context, data []byte) ([]byte, error)) Method {
	return Method{service, func(ctx context.Context, r bus.RPC, _ func(string, error)) (bus.Subscription, error) {
		return r.Serve(ctx, service, handle)
	}}
}

// Serve answers requests by all methods until stop is called, which waits for those in hand. After
// an error nothing is served, and stop is nil. fail is told of the errors that have no code; it may
// be nil.
func Serve(ctx context.Context, r bus.RPC, fail func(service string, err error), methods ...Method) (stop func(), err error) {
	var subs []bus.Subscription
	stop = func() {
		for _, s := range subs {
			s.Stop()
		}
	}
	for _, m := range methods {
		s, err := m.serve(ctx, r, fail)
		if err != nil {
			stop()
			return nil, fmt.Errorf("serve %s on the bus: %w", m.service, err)
		}
		subs = append(subs, s)
	}
	return stop, nil
}
