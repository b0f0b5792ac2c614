package fleet

import (
	"sort"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// entry is an entry of a room's log, as a client first saw it.
type entry struct {
	seq uint64
	msg bool
	id  string
}

// room is what all clients of a fleet together saw of a room. A correct server shows each of them
// one contiguous stretch of it, so that a place needs two numbers only.
type room struct {
	id      string
	entries []entry // by seq
}

// after returns how many of the entries have a seq of at most seq.
func (r *room) after(seq uint64) uint32 {
	return uint32(sort.Search(len(r.entries), func(i int) bool { return r.entries[i].seq > seq }))
}

// place is a client's place in a room. It is small, because there are very many.
type place struct {
	start    uint64 // the room began after this seq
	odd      *odd   // nil: it saw entries[from:at] of the room
	from, at uint32
	room     int32
	count    uint32 // messages so far: the number of the next one
	rewinds  uint16
	joined   bool // once at least
	live     bool // on the current connection
}

// odd is what a client saw, if that differs from what the others saw.
type odd struct {
	seen []uint64 // seqs of messages, in order of arrival
	last wire.Position
}

// observe records an entry that arrives.
func (p *place) observe(r *room, e *wire.Event) {
	msg := e.Type == chat.TypeMsg
	if p.odd == nil {
		switch n := uint32(len(r.entries)); {
		case p.joined && p.at < n && r.entries[p.at].seq == e.Seq:
			p.at++
			return
		case p.joined && p.at == n && (n == 0 || r.entries[n-1].seq < e.Seq):
			r.entries = append(r.entries, entry{e.Seq, msg, e.ID})
			p.at++
			return
		}
		last, _ := p.position(r)
		p.odd = &odd{seen: p.seen(r), last: last}
	}
	if msg {
		p.odd.seen = append(p.odd.seen, e.Seq)
	}
	p.odd.last = wire.Position{Seq: e.Seq, ID: e.ID}
}

// begin handles the answer to a join.
func (p *place) begin(r *room, e *wire.Event) {
	p.live = !e.More
	switch {
	// what came before is void: a page would read it from history, which the verdict judges
	// separately
	case e.Rewind:
		p.rewinds++
		p.start, p.odd, p.joined = e.Seq, &odd{last: wire.Position{Seq: e.Seq}}, true
	case !p.joined:
		p.start, p.joined = e.Seq, true
		p.from = r.after(e.Seq)
		p.at = p.from
		if p.odd != nil && p.odd.last.Seq < e.Seq {
			p.odd.last = wire.Position{Seq: e.Seq}
		}
	}
}

// forget drops what the client saw so far.
func (p *place) forget(r *room) {
	at, joined := p.position(r)
	if !joined {
		return
	}
	p.start, p.from, p.rewinds = at.Seq, p.at, 0
	if p.odd != nil {
		p.odd.seen = nil
	}
}

// position returns the client's position in the room. ok is false before the first join.
func (p *place) position(r *room) (at wire.Position, ok bool) {
	switch {
	case !p.joined:
		return at, false
	case p.odd != nil:
		return p.odd.last, true
	case p.at > p.from || p.at > 0 && r.entries[p.at-1].seq == p.start:
		e := r.entries[p.at-1]
		return wire.Position{Seq: e.seq, ID: e.id}, true
	}
	return wire.Position{Seq: p.start}, true
}

// seen returns the seqs of the messages that the client saw, in order of arrival.
func (p *place) seen(r *room) []uint64 {
	if p.odd != nil {
		return p.odd.seen
	}
	seen := make([]uint64, 0, p.at-p.from)
	for _, e := range r.entries[p.from:p.at] {
		if e.msg {
			seen = append(seen, e.seq)
		}
	}
	return seen
}
