package conn

import (
	"bytes"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/upgrade"
)

// handshake looks at the beginning of a connection. It returns how much of b has been dealt with: 0
// if more has to come.
func (r *reader) handshake(slot uint32, b []byte) int {
	res := r.parser.Parse(b)
	switch res.Verdict {
	case upgrade.More:
		return 0
	case upgrade.HTTP:
		r.detach(slot, b)
		return len(b)
	case upgrade.Rejected:
		r.hub.Metrics.Refused.WithLabelValues("handshake").Inc()
		r.refuse(slot, res.Reply)
		return len(b)
	}
	ses := r.sessions.At(slot)
	r.buffers.Append(&ses.out, res.Reply)
	r.Enqueue(slot)
	r.Accept(slot, res.Deflate)
	switch {
	case r.hub.Sockets() > r.hub.Options.Sockets:
		r.hub.Metrics.Refused.WithLabelValues("sockets").Inc()
		r.Close(slot, wire.CloseOverloaded, "this edge holds as many sockets as it may")
	case !r.countAddr(slot, res.ForwardedFor, res.RealIP):
		r.hub.Metrics.Refused.WithLabelValues("address").Inc()
		r.Close(slot, wire.CloseOverloaded, "this address has as many sockets as it may")
	case r.hub.draining.Load():
		r.Bye(slot, byeDrain, 0)
	case res.Token != "":
		ses.extra().token = res.Token
	}
	return res.Used
}

// Accept makes a connection a WebSocket, on which compression was agreed or not.
func (s *Shard) Accept(slot uint32, packs bool) {
	ses := s.sessions.At(slot)
	s.hub.Metrics.Accepted.Inc()
	s.hub.sockets.Add(1)
	ses.state, ses.since = Open, s.now
	if packs {
		ses.flags |= flPacks
	}
	s.keepAlive(slot)
}

// detach hands a connection over that is no WebSocket.
func (r *reader) detach(slot uint32, b []byte) {
	b = bytes.Clone(b)
	r.forget(slot)
	conn, err := r.loop.Detach(slot)
	if err == nil {
		r.hub.http(conn, b)
	}
}

// refuse answers a connection that is no WebSocket yet, and ends it.
func (s *Shard) refuse(slot uint32, reply []byte) {
	ses := s.sessions.At(slot)
	s.buffers.Free(&ses.in)
	s.buffers.Append(&ses.out, reply)
	ses.state = Closing
	s.hub.sockets.Add(1) // forget takes it away again
	s.finish(slot)
	s.after(slot, CloseLinger)
}

// countAddr counts a session against the limit of its client's address, and reports whether it is
// within it.
func (r *reader) countAddr(slot uint32, forwardedFor, realIP string) bool {
	o := &r.hub.Options
	if o.SocketsPerIP == 0 {
		return true
	}
	peer := r.loop.Peer(slot)
	if !peer.IsValid() { // the connection has broken meanwhile
		return true
	}
	client := o.Proxies.Client(peer, forwardedFor, realIP)
	i, ok := r.hub.addrs.reserve(client, o.SocketsPerIP)
	r.sessions.At(slot).addr = i
	return ok
}
