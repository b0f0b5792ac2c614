package hub

import (
	"bytes"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/frame"
	"hubbub.internal/services/edge/internal/upgrade"
)

// Received implements transport.Handler.
func (s *Shard) Received(slot uint32, b []byte) {
	s.clock()
	ses := s.sessions.at(slot)
	s.stats.received += len(b)
	ses.heard = s.now
	if ses.flags&flPinged != 0 {
		ses.flags &^= flPinged
		s.keepAlive(slot)
	}
	if ses.in == nil {
		if used := s.consume(slot, b); used < len(b) && ses.state != stFree {
			s.keep(slot, b[used:])
		}
		return
	}
	s.buffers.Append(&ses.in, b)
	used := s.consume(slot, ses.in.Bytes())
	switch {
	case ses.in == nil: // the session has ended
	case used == ses.in.Len():
		s.buffers.Free(&ses.in)
	default:
		ses.in.Skip(used)
	}
}

// keep holds on to the beginning of a frame.
func (s *Shard) keep(slot uint32, rest []byte) {
	if s.buffers.Full() {
		s.hub.metrics.refused.WithLabelValues("buffers").Inc()
		s.close(slot, wire.CloseOverloaded, "the edge is short of memory")
		return
	}
	s.buffers.Append(&s.sessions.at(slot).in, rest)
}

// consume takes what is complete from b, and returns how much that was. The memory of b may be a
// buffer of the session, which is not freed before consume has returned.
func (s *Shard) consume(slot uint32, b []byte) (used int) {
	ses := s.sessions.at(slot)
	if ses.state == stHandshake {
		if used = s.handshake(slot, b); used == 0 {
			return 0
		}
	}
	gen := ses.gen
	for ses.gen == gen {
		switch ses.state {
		case stFree, stHandshake:
			return len(b)
		}
		if ses.flags&flDeaf != 0 {
			return len(b)
		}
		f, n, code := frame.Read(b[used:], s.frameLimit(ses), ses.flags&flPacks != 0)
		if code != 0 {
			// The rest of a frame that is too long is still read, and dropped: a client that is
			// reset while it writes does not get to see the close frame.
			if code == wire.CloseTooBig {
				ses.flags |= flDeaf
			}
			s.fail(slot, code)
			return len(b)
		}
		if n == 0 {
			return used
		}
		used += n
		s.frame(slot, f)
	}
	return len(b)
}

// frameLimit returns how long the next frame's payload may be.
func (s *Shard) frameLimit(ses *session) int {
	if ses.flags&flPacked != 0 { // it goes on with a compressed message
		return frame.PackedLimit(s.hub.opts.Frame)
	}
	return s.hub.opts.Frame
}

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
		s.hub.metrics.refused.WithLabelValues("handshake").Inc()
		s.refuse(slot, res.Reply)
		return len(b)
	}
	ses := s.sessions.at(slot)
	s.hub.metrics.accepted.Inc()
	ses.state, ses.since = stOpen, s.now
	if res.Deflate {
		ses.flags |= flPacks
	}
	s.buffers.Append(&ses.out, res.Reply)
	s.enqueue(slot)
	switch n := s.hub.sockets.Add(1); {
	case n > int64(s.hub.opts.Sockets):
		s.hub.metrics.refused.WithLabelValues("sockets").Inc()
		s.close(slot, wire.CloseOverloaded, "this edge holds as many sockets as it may")
	case !s.countAddr(slot, res.ForwardedFor, res.RealIP):
		s.hub.metrics.refused.WithLabelValues("address").Inc()
		s.close(slot, wire.CloseOverloaded, "this address has as many sockets as it may")
	case s.hub.draining.Load():
		s.bye(slot, byeDrain, 0)
	default:
		if res.Token != "" {
			ses.extra().token = res.Token
		}
		s.keepAlive(slot)
	}
	return res.Used
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

// fail ends a session whose client breaks RFC 6455.
func (s *Shard) fail(slot uint32, code wire.CloseCode) {
	ses := s.sessions.at(slot)
	if ses.state != stClosing { // else it has had its close frame
		s.close(slot, code, reasons[code])
		// the client's answer could not be told from the rest, so nobody waits for it
		s.finish(slot)
	}
}

var reasons = map[wire.CloseCode]string{
	wire.CloseFrame:   "a frame breaks RFC 6455",
	wire.CloseBinary:  "the protocol is text",
	wire.CloseNotUTF8: "a text is not UTF-8",
	wire.CloseTooBig:  "a message is longer than limits.frame",
}

// frame takes one frame.
func (s *Shard) frame(slot uint32, f frame.Frame) {
	ses := s.sessions.at(slot)
	if f.Op == ws.OpClose {
		s.closed(slot, f.Payload)
		return
	}
	if ses.state == stClosing {
		return
	}
	switch {
	case f.Op == ws.OpPing:
		if s.mayAnswer(slot) {
			s.pushFrame(slot, ws.OpPong, f.Payload)
		}
	case f.Op == ws.OpPong:
	case f.Op == ws.OpBinary && ses.flags&flFragment == 0:
		s.fail(slot, wire.CloseBinary)
	case (f.Op == ws.OpContinuation) != (ses.flags&flFragment != 0):
		s.fail(slot, wire.CloseFrame)
	case f.Fin && f.Op == ws.OpText:
		s.message(slot, f.Payload, f.Packed)
	default:
		s.fragment(slot, f)
	}
}

// fragment takes a part of a message (RFC 6455 section 5.4).
func (s *Shard) fragment(slot uint32, f frame.Frame) {
	ses := s.sessions.at(slot)
	if ses.flags |= flFragment; f.Packed {
		ses.flags |= flPacked
	}
	more := ses.extra()
	switch {
	case more.part.Len()+len(f.Payload) > s.frameLimit(ses):
		s.fail(slot, wire.CloseTooBig)
		return
	case !f.Fin && s.buffers.Full():
		s.close(slot, wire.CloseOverloaded, "the edge is short of memory")
		return
	}
	s.buffers.Append(&more.part, f.Payload)
	if !f.Fin {
		if len(f.Payload) == 0 {
			s.mayAnswer(slot) // empty fragments cost the client nothing, so they count as commands
		}
		return
	}
	packed := ses.flags&flPacked != 0
	ses.flags &^= flFragment | flPacked
	whole := more.part
	more.part = nil
	ses.slim()
	s.message(slot, whole.Bytes(), packed)
	s.buffers.Free(&whole)
}

// message takes a text message, which may be compressed.
func (s *Shard) message(slot uint32, b []byte, packed bool) {
	if packed {
		var ok bool
		if b, ok = s.inflate(slot, b); !ok {
			return
		}
	}
	err := s.cmd.Decode(b)
	if err != nil && !utf8.Valid(b) {
		s.fail(slot, wire.CloseNotUTF8)
		return
	}
	s.command(slot, &s.cmd, err)
}
