// Package edge is the edge service: it holds the clients' WebSockets, brings them the events of
// their rooms, and puts what they send into the log. Other HTTP on its port goes to a handler that
// it is given.
//
// It touches no database and keeps nothing that a crash would lose.
package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/clientaddr"
	"hubbub.internal/libs/trace"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/protocol"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/rooms"
	"hubbub.internal/services/edge/internal/sends"
	"hubbub.internal/services/edge/internal/session"
	"hubbub.internal/services/edge/internal/transport"
)

// Deps is what an edge works with. Bus, Verifier and Directory are needed.
type Deps struct {
	Bus       bus.Interface
	Verifier  *auth.Verifier
	Directory *directory.Cache // run by the caller, who has it started after New
	Handler   http.Handler     // for requests that are no WebSocket; nil: Edge.Handler
	// TLS, if set, makes the public port speak TLS only, with HTTP/2 where Handler answers. It has
	// to find a certificate for a handshake (GetCertificate) and is not changed any more.
	TLS     *tls.Config
	Log     *zap.Logger
	Metrics prometheus.Registerer
	Trace   *trace.Tracer // nil: nothing is traced
	// SlowRequest is the time after which a request is logged as slow; 0: none is.
	SlowRequest time.Duration
}

// Edge is an edge service.
type Edge struct {
	cfg     Config
	log     *zap.Logger
	hub     *protocol.Hub
	loops   []transport.Loop
	addr    net.Addr
	http    *fallback
	web     http.Handler
	running atomic.Bool
}

// New returns an edge that listens, so that a port in use is an error here, and accepts nothing
// before Run. It adds a hook to the directory cache, so it comes before that one's Run.
func New(cfg Config, deps Deps) (*Edge, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Bus == nil || deps.Verifier == nil || deps.Directory == nil {
		return nil, errors.New("an edge needs a bus, a verifier and the directory's cache")
	}
	if deps.Log == nil {
		deps.Log = zap.NewNop()
	}
	cfg.Origins = slices.Clone(cfg.Origins)
	for i, o := range cfg.Origins {
		cfg.Origins[i] = httpapi.Normal(o)
	}
	n := cfg.loops()
	e := &Edge{cfg: cfg, log: deps.Log}
	handler := deps.Handler
	if handler == nil {
		handler = http.HandlerFunc(e.ownRoutes)
	}
	e.http = newFallback((&httpapi.Cross{Origins: cfg.Origins}).Handler(handler), deps.Log)
	e.hub = protocol.New(cfg.options(n), protocol.Deps{
		Bus: deps.Bus, Verifier: deps.Verifier, Access: deps.Directory, Log: deps.Log, Metrics: deps.Metrics, Trace: deps.Trace, HTTP: e.http.handOver,
	})
	e.web = newWeb(deps, e.hub)
	listen := transport.Listen
	switch {
	case deps.TLS != nil:
		secure := transport.Secure{Config: deps.TLS, Timeout: cfg.Handshake, HTTP2: e.http.handOverWhole, Failed: e.hub.HandshakeFailed}
		listen = func(addr string, n int, start transport.Starting) ([]transport.Loop, net.Addr, error) {
			return transport.ListenTLS(addr, n, secure, start)
		}
	case cfg.NetConn:
		listen = transport.ListenNet
	}
	var err error
	e.loops, e.addr, err = listen(cfg.Listen, n, func(l transport.Loop) transport.Handler { return e.hub.Shard(l) })
	if err != nil {
		return nil, fmt.Errorf("public port: %w; choose another with --listen", err)
	}
	return e, nil
}

// Addr returns the address that the edge listens on.
func (e *Edge) Addr() net.Addr { return e.addr }

// ownRoutes answers what leads to the edge by its base path, or without it.
func (e *Edge) ownRoutes(w http.ResponseWriter, r *http.Request) {
	if base := e.cfg.Base(); base != "" && strings.HasPrefix(r.URL.Path, base+"/") {
		http.StripPrefix(base, e.web).ServeHTTP(w, r)
		return
	}
	e.web.ServeHTTP(w, r)
}

// Handler returns the HTTP routes of the edge, which want no base path: what users say over no
// connection. It answers while Run runs.
func (e *Edge) Handler() http.Handler { return e.web }

// Ready returns nil while the edge takes new sockets; it is a readiness check.
func (e *Edge) Ready(context.Context) error {
	switch {
	case !e.running.Load():
		return errors.New("the edge is not running")
	case e.hub.Draining():
		return errors.New("the edge is going down")
	}
	return nil
}

// Run serves until ctx ends. Then sockets are asked to go elsewhere, for as long as the
// configuration's Drain; what they have sent is acknowledged first. It returns when everything has
// ended: nil, or why a loop has failed.
func (e *Edge) Run(ctx context.Context) error {
	// Loops and hub end in an order of their own, after the drain.
	looping, stopLoops := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLoops()
	serving, stopHub := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHub()

	var loops, rest sync.WaitGroup
	failed := make(chan error, len(e.loops))
	for _, l := range e.loops {
		loops.Go(func() {
			if err := l.Run(looping); err != nil {
				failed <- err
			}
		})
	}
	rest.Go(func() { _ = e.hub.Run(serving) })
	rest.Go(func() { e.http.run(serving, e.addr) })
	e.running.Store(true)
	e.log.Info("listening", zap.Stringer("addr", e.addr), zap.Int("loops", len(e.loops)))
	e.sayFiles(fileLimit())

	var err error
	select {
	case <-ctx.Done():
		e.log.Info("closing all sockets, since this process stops", zap.Int("sockets", e.hub.Sockets()), zap.Duration("drain", e.cfg.Drain))
		e.hub.Drain(looping, e.cfg.Drain)
	case err = <-failed:
	}
	stopLoops()
	loops.Wait()
	e.hub.Stopped()
	stopHub()
	rest.Wait()
	return err
}

// sayFiles says how many sockets the limit of open files allows, and warns if more are asked for.
func (e *Edge) sayFiles(files int) {
	say := e.log.Info
	sockets := socketsWithin(files)
	text := "sockets that the limit of open files allows"
	if e.cfg.MaxSockets > sockets && e.cfg.MaxSockets != defaultSockets {
		say = e.log.Warn
		text = "--max-sockets is more than the limit of open files allows, which is what counts: raise that limit (ulimit -n, HUBBUB_NOFILE of the compose files)"
	}
	say(text, zap.Int("sockets", min(sockets, e.cfg.MaxSockets)), zap.Int("allowed", sockets), zap.Int("files", files), zap.Int("max_sockets", e.cfg.MaxSockets))
}

// ringKeep is how long at most a ring keeps frames, in seconds, for sockets that are slow or come
// back.
const ringKeep = 30

func (c *Config) options(loops int) protocol.Options {
	id := c.EdgeID
	if id == "" {
		id = newEdgeID()
	}
	proxies, _ := clientaddr.Parse(c.TrustedProxies) // Validate has looked at them
	return protocol.Options{
		EdgeID: id, Heartbeat: c.Heartbeat,
		Options: conn.Options{
			Origins: c.Origins, Proxies: proxies, BasePath: c.Base(),
			Sockets: min(c.MaxSockets, socketsWithin(fileLimit())), SocketsPerIP: c.MaxSocketsIP,
			Frame: c.MaxFrame, Rate: c.Rate, Burst: c.Burst, Buffers: c.MaxBuffers / loops, Outstanding: c.MaxOutstanding, Deflate: c.Deflate,
			HandshakeTimeout: c.Handshake, HelloTimeout: c.Hello, PingAfter: c.Ping, IdleTimeout: c.Idle, WriteTimeout: c.Write,
		},
		Fanout: fanout.Options{
			Ring:     ring.Limits{Bytes: c.RingBytes, Entries: c.RingEntries, Keep: ringKeep},
			Coalesce: c.Coalesce,
		},
		Session: session.Options{
			SocketsPerUser: c.MaxSocketsUser, UserRate: c.UserRate, UserBurst: c.UserBurst,
			UserBytes: c.UserBytes, GuestBytes: c.GuestBytes, AwayAfter: c.Away,
		},
		Rooms: rooms.Options{Rooms: c.MaxRooms},
		Sends: sends.Options{Text: c.MaxText, Pending: c.MaxPending},
	}
}

func (c *Config) loops() int {
	if c.Loops > 0 {
		return c.Loops
	}
	return min(runtime.GOMAXPROCS(0), conn.MaxShards)
}
