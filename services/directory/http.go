package directory

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/clientaddr"
)

type body[T any] struct{ Body T }

// route registers an operation whose errors become what a client is told.
func route[In, Out any](s *Service, api huma.API, op huma.Operation, handle func(context.Context, *In) (Out, error)) {
	huma.Register(api, op, func(ctx context.Context, in *In) (*body[Out], error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, httpapi.Error(s.fail(ctx, err), nil)
		}
		return &body[Out]{out}, nil
	})
}

// limited allows a user so many calls of handle, and of all others that are limited, a minute.
func limited[In, Out any](s *Service, handle func(context.Context, *In) (Out, error)) func(context.Context, *In) (Out, error) {
	return func(ctx context.Context, in *In) (out Out, err error) {
		if err = s.changes.count(time.Now(), "changes", httpapi.User(ctx).User); err == nil {
			out, err = handle(ctx, in)
		}
		return out, err
	}
}

// fail returns the error with the code that a client acts on: err itself if it has one; all else is
// the store's.
func (s *Service) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*chat.Error](err); ok {
		return err
	}
	if !errors.Is(err, context.Canceled) {
		httpapi.Log(ctx, s.log).Error("the store failed", zap.Error(err))
		s.metrics.storeErrors.Inc()
	}
	return errors.Join(err, errStore)
}

// whenPrepared answers that the service is unavailable until it can do anything.
func (s *Service) whenPrepared(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.prepared.Load() {
			httpapi.WriteError(w, http.StatusServiceUnavailable, httpapi.Error(errStarting, nil))
			return
		}
		next.ServeHTTP(w, r)
	})
}

type addressKey struct{}

// withAddress keeps the client's address: what a trusted proxy says it is, else the connection's.
func (s *Service) withAddress(ctx huma.Context, next func(huma.Context)) {
	var forwardedFor []string
	ctx.EachHeader(func(name, value string) {
		if name == "X-Forwarded-For" {
			forwardedFor = append(forwardedFor, value)
		}
	})
	peer := peerAddress(ctx.RemoteAddr(), strings.Join(forwardedFor, ","), ctx.Header("X-Real-IP"), s.proxies)
	ctx = huma.WithValue(huma.WithValue(ctx, addressKey{}, networkOf(peer)), peerKey{}, peer)
	ctx = huma.WithValue(ctx, agentKey{}, cutAgent(ctx.Header("User-Agent")))
	next(huma.WithValue(ctx, secureKey{}, ctx.TLS() != nil || ctx.Header("X-Forwarded-Proto") == "https"))
}

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
