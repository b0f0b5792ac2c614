package hub

import (
	"net/netip"
	"sync"

	"hubbub.internal/libs/clientaddr"
	"hubbub.internal/services/edge/internal/bucket"
	"hubbub.internal/services/edge/internal/ring"
)

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

// take counts one more socket of an address, unless it has most already. The index is what release
// is given.
func (t *addrTable) take(a netip.Addr, most int) (index uint32, ok bool) {
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

// release undoes a take.
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

// countAddr counts a session against the limit of its client's address, and reports whether it is
// within it.
func (s *Shard) countAddr(slot uint32, forwardedFor, realIP string) bool {
	o := &s.hub.opts
	if o.SocketsPerIP == 0 {
		return true
	}
	peer := s.loop.Peer(slot)
	if !peer.IsValid() { // the connection has broken meanwhile
		return true
	}
	client := o.Proxies.Client(peer, forwardedFor, realIP)
	i, ok := s.hub.addrs.take(client, o.SocketsPerIP)
	s.sessions.at(slot).addr = i
	return ok
}

// socketTable counts the sockets of each user, in parts, so that loops seldom meet. Safe for
// concurrent use.
type socketTable [64]struct {
	mu    sync.Mutex
	count map[uint64]int32 // by hash of the user
}

// take counts one more socket of a user, unless there are most already.
func (t *socketTable) take(user string, most int) bool {
	h := ring.Hash(user)
	p := &t[h%uint64(len(t))]
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(p.count[h]) >= most {
		return false
	}
	if p.count == nil {
		p.count = make(map[uint64]int32)
	}
	p.count[h]++
	return true
}

// release undoes a take.
func (t *socketTable) release(user string) {
	h := ring.Hash(user)
	p := &t[h%uint64(len(t))]
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[h]--; p.count[h] <= 0 {
		delete(p.count, h)
	}
}

// userTable holds the buckets of users who have sent something lately, in parts, so that loops
// seldom meet. Safe for concurrent use.
type userTable [64]struct {
	mu      sync.Mutex
	buckets map[uint64]bucket.Bucket // by hash of the user
}

// take takes a token of the user's: see bucket.Bucket.Take.
func (t *userTable) take(user string, l bucket.Limit) (ok bool, waitMS uint32) {
	h := ring.Hash(user)
	p := &t[h%uint64(len(t))]
	p.mu.Lock()
	defer p.mu.Unlock()
	now := nowMS() // not the loop's: another's may be ahead, and time must not go back
	b, ok := p.buckets[h]
	if !ok {
		b = bucket.New(now)
		if p.buckets == nil {
			p.buckets = make(map[uint64]bucket.Bucket)
		}
	}
	ok, waitMS = b.Take(l, now)
	p.buckets[h] = b
	return ok, waitMS
}

// sweep forgets the buckets that are full.
func (t *userTable) sweep(l bucket.Limit) {
	for i := range t {
		p := &t[i]
		p.mu.Lock()
		now := nowMS()
		for h, b := range p.buckets {
			if b.Full(l, now) {
				delete(p.buckets, h)
			}
		}
		p.mu.Unlock()
	}
}
