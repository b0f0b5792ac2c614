package conn

import (
	"net/netip"
	"sync"

	"hubbub.internal/libs/clientaddr"
	"hubbub.internal/libs/wire"
)

// MaxViolations is how many commands over the rate end a connection; one within it takes one back.
const MaxViolations = 500

// Charge counts a command, or what costs as much, against a connection's rate. If that is used up
// it returns after how many milliseconds the next is within it. It closes a connection that breaks
// the limit again and again.
func (s *Shard) Charge(slot uint32) (ok bool, waitMS uint32) {
	ok, waitMS = s.sessions.At(slot).bucket.Take(s.rate, s.now)
	s.recordViolation(slot, ok)
	return ok, waitMS
}

// recordViolation counts a command over the rate, and takes one such back for a command within it.
func (s *Shard) recordViolation(slot uint32, ok bool) {
	ses := s.sessions.At(slot)
	switch {
	case !ok:
		if ses.violations++; ses.violations >= MaxViolations {
			s.Close(slot, wire.CloseAbuse, "the limits were broken again and again")
		}
	case ses.violations > 0:
		ses.violations--
	}
}

// addrTable counts the sockets of each address. A session remembers four bytes of it. Safe for
// concurrent use.
type addrTable struct {
	mu    sync.Mutex
	index map[netip.Addr]uint32 // of counts
	count []addrCount           // the first is nobody's
	free  []uint32
}

type addrCount struct {
	addr netip.Addr
	n    int
}

// reserve counts one more socket of an address, unless the address has most already. release undoes
// it by the index.
func (t *addrTable) reserve(a netip.Addr, most int) (index uint32, ok bool) {
	a = clientaddr.Network(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.index[a]
	if !ok {
		if t.index == nil {
			t.index, t.count = make(map[netip.Addr]uint32), make([]addrCount, 1)
		}
		if n := len(t.free); n > 0 {
			i, t.free = t.free[n-1], t.free[:n-1]
		} else {
			i = uint32(len(t.count))
			t.count = append(t.count, addrCount{})
		}
		t.index[a], t.count[i] = i, addrCount{addr: a}
	}
	if t.count[i].n >= most {
		return 0, false
	}
	t.count[i].n++
	return i, true
}

// release undoes a reserve.
func (t *addrTable) release(index uint32) {
	if index == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &t.count[index]
	if c.n--; c.n == 0 {
		delete(t.index, c.addr)
		*c = addrCount{}
		t.free = append(t.free, index)
	}
}
