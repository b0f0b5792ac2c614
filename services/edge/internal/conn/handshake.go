package conn

import (
	"bytes"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/upgrade"
)

// handshake looks at the beginning of a connection. It returns how much of b has been dealt with: 0
// if more has to come.
func (s *Shard) handshake(slot uint32, b []byte) int {
	res := s.parser.Parse(b)
	switch res.Verdict {
	case upgrade.More:
		return 0
	case upgrade.HTTP:
		s.detach(slot, b)
		return len(b)
	case upgrade.Rejected:
		s.hub.Metrics.Refused.WithLabelValues("handshake").Inc()
		s.refuse(slot, res.Reply)
		return len(b)
	}
	ses := s.sessions.At(slot)
	s.buffers.Append(&ses.out, res.Reply)
	s.Enqueue(slot)
	s.Accept(slot, res.Deflate)
	switch {
	case s.hub.Sockets() > s.hub.Options.Sockets:
		s.hub.Metrics.Refused.WithLabelValues("sockets").Inc()
		s.Close(slot, wire.CloseOverloaded, "this edge holds as many sockets as it may")
	case !s.countAddr(slot, res.ForwardedFor, res.RealIP):
		s.hub.Metrics.Refused.WithLabelValues("address").Inc()
		s.Close(slot, wire.CloseOverloaded, "this address has as many sockets as it may")
	case s.hub.draining.Load():
		s.Bye(slot, byeDrain, 0)
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
func (s *Shard) detach(slot uint32, b []byte) {
	b = bytes.Clone(b)
	s.forget(slot)
	conn, err := s.loop.Detach(slot)
	if err == nil {
		s.hub.http(conn, b)
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
func (s *Shard) countAddr(slot uint32, forwardedFor, realIP string) bool {
	o := &s.hub.Options
	if o.SocketsPerIP == 0 {
		return true
	}
	peer := s.loop.Peer(slot)
	if !peer.IsValid() { // the connection has broken meanwhile
		return true
	}
	client := o.Proxies.Client(peer, forwardedFor, realIP)
	i, ok := s.hub.addrs.take(client, o.SocketsPerIP)
	s.sessions.At(slot).addr = i
	return ok
}
