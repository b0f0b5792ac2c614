package directory

import (
	"context"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/clientaddr"
)

type body[T any] struct{ Body T }

// route registers an operation whose errors become what a client is told.
func route[In, Out any](s *core, api huma.API, op huma.Operation, handle func(context.Context, *In) (Out, error)) {
	huma.Register(api, op, func(ctx context.Context, in *In) (*body[Out], error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, httpapi.Error(s.fail(ctx, err), nil)
		}
		return &body[Out]{out}, nil
	})
}

// limited allows a user so many calls of handle, and of all others that are limited, a minute.
func limited[In, Out any](s *core, handle func(context.Context, *In) (Out, error)) func(context.Context, *In) (Out, error) {
	return func(ctx context.Context, in *In) (out Out, err error) {
		if err = s.changeRate.count(time.Now(), "changes", httpapi.User(ctx).User); err == nil {
			out, err = handle(ctx, in)
		}
		return out, err
	}
}

type addressKey struct{}

func addressOf(ctx context.Context) string {
	address, _ := ctx.Value(addressKey{}).(string)
	return address
}

type peerKey struct{}

// peerOf returns the client's own address; empty: there is none.
func peerOf(ctx context.Context) string {
	peer, _ := ctx.Value(peerKey{}).(string)
	return peer
}

// peerAddress returns the address of the client that a request is from.
func peerAddress(remote, forwardedFor, realIP string, proxies clientaddr.Proxies) string {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	return proxies.Client(peer.Addr(), forwardedFor, realIP).String()
}

// networkOf returns the network that a client's address is counted by.
func networkOf(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	return clientaddr.Network(a).String()
}
