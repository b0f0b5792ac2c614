package fleet

import (
	"math/rand/v2"
	"time"

	"hubbub.internal/services/hubbub/rigs/swarm"
)

// dial begins a client's connection.
func (s *Raw) dial(i int) {
	c := &s.clients[i]
	c.turn++
	if err := s.conns.Dial(i, s.cfg.Edge(i).Addr, s.cfg.From); err != nil {
		s.failed(i, err)
		return
	}
	c.state = stOpening
	s.timers.add(openFor, timer{client: int32(i), turn: c.turn, what: openLate})
}

// lose cuts a client off; its messages wait until it is back.
func (s *Raw) lose(i int) {
	c := &s.clients[i]
	s.conns.Cut(i)
	if c.state == stIn {
		c.since = time.Now().UnixNano()
		s.cfg.Watcher.Out(i)
	}
	c.state = stWaiting
	for k := range s.placesOf(i) {
		s.placesOf(i)[k].live = false
	}
	if c.talk != nil {
		c.talk.sent = false
	}
}

// failed schedules the next attempt of a client whose connection ended, unless no attempt can
// succeed.
func (s *Raw) failed(i int, err error) {
	c := &s.clients[i]
	s.lose(i)
	c.turn++
	e := reason(err)
	if e.final {
		c.state = stGone
		s.cfg.Watcher.Gone(i, e.code, err)
		s.hush(i)
		return
	}
	s.cfg.Watcher.Lost(i, e.code, err)
	if c.talk != nil { // if no server answers, it may never be in its rooms again
		s.expire(c.talk)
	}
	wait := min(minBackoff<<min(c.tries, 10), maxBackoff)
	c.tries = min(c.tries+1, 10)
	s.timers.add(max(e.after, wait/2)+rand.N(wait/2), timer{client: int32(i), turn: c.turn, what: dialAgain})
}

// Request implements swarm.Handler.
func (s *Raw) Request(i int) string {
	return "GET /v1/ws HTTP/1.1\r\nHost: " + s.cfg.Edge(i).Host + "\r\n"
}

// Upgraded implements swarm.Handler.
func (s *Raw) Upgraded(i int, head []byte) error {
	if err := upgraded(head); err != nil {
		return err
	}
	return s.greet(i)
}

// Frame implements swarm.Handler.
func (s *Raw) Frame(i int, op byte, payload []byte) error {
	switch op {
	case swarm.OpText:
		turn := s.clients[i].turn
		for range s.seed.times(payload) {
			if err := s.text(i, payload); err != nil || s.clients[i].turn != turn {
				return err
			}
		}
		return nil
	case swarm.OpClose:
		return closed(payload)
	}
	return &end{code: "no_hubbub", final: true, why: "the server sent a binary frame, which no Hubbub does"}
}

// Ended implements swarm.Handler: the other clients go on.
func (s *Raw) Ended(i int, err error) error {
	s.failed(i, err)
	return nil
}
