package session

import "time"

// A Probe shows the tests of the layers above what a shard hides.
type Probe struct{ s *Shard }

// Probe returns the shard's probe.
func (s *Shard) Probe() Probe { return Probe{s} }

// Users returns how many users the shard finds sessions of, as far as it tells them apart.
func (p Probe) Users() int {
	p.s.index.mu.RLock()
	defer p.s.index.mu.RUnlock()
	return len(p.s.index.first)
}

// Lapsed returns how many sessions the directory is to be asked about.
func (p Probe) Lapsed() int { return len(p.s.lapsed) }

// Empty reports whether nobody is at a connection.
func (p Probe) Empty(slot uint32) bool { return p.s.sessions.At(slot).who == nil }

// MakeGuest makes the user at a connection a guest.
func (p Probe) MakeGuest(slot uint32) { p.s.sessions.At(slot).who.dev |= guestBit }

// A Volumes shows what the hub has counted of what users have sent.
type Volumes struct{ v *volumes }

// Volumes returns what users have sent.
func (h *Hub) Volumes() Volumes { return Volumes{&h.volumes} }

// Age makes what was counted older by a time, as if that had gone by.
func (t Volumes) Age(d time.Duration) {
	t.each(func(v *volume) { v.at -= uint32(d / time.Second) })
}

// Rest forgets what was sent lately, as if a minute had gone by in which nothing came back of the
// day.
func (t Volumes) Rest() { t.each(func(v *volume) { v.recent = 0 }) }

func (t Volumes) each(do func(v *volume)) {
	for i := range t.v {
		p := &t.v[i]
		p.mu.Lock()
		for h, v := range p.sent {
			do(&v)
			p.sent[h] = v
		}
		p.mu.Unlock()
	}
}

// Sweep forgets users of whom everything has come back.
func (t Volumes) Sweep() { t.v.sweep() }

// Charge counts n bytes of a user who may send quota a day, or returns for how long that has to
// wait.
func (t Volumes) Charge(user string, n, quota int64) time.Duration {
	wait, _ := t.v.charge(user, n, quota)
	return wait
}

// Users returns how many users the hub remembers.
func (t Volumes) Users() (n int) {
	t.each(func(*volume) { n++ })
	return n
}
