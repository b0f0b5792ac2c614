// Package ring owns what an edge remembers of one room: the latest frames, encoded once, in one
// circular buffer that all loops copy from. Whoever reads keeps a position in it, which costs eight
// bytes however slow the reader is.
//
// While somebody reads compressed frames (RFC 7692) there is a second buffer beside the first, with
// the same frames in that form; one that was not compressed stands in it as it is. A position
// belongs to one of the two: see View.
//
// It does not know its readers or sockets, and compresses nothing itself. An idle room holds no
// buffer.
package ring

import (
	"sync"

	"github.com/gobwas/ws"

	"hubbub.internal/services/edge/internal/frame"
)

// Limits bound a ring.
type Limits struct {
	Bytes   int    // of frames, in both forms together; one frame may be longer
	Entries int    // frames
	Keep    uint32 // seconds that a frame is kept if the bounds allow; the buffer grows for it
}

// Status says whether a position can still be read from.
type Status uint8

// What a position may be.
const (
	Held    Status = iota // what follows it is there
	Fallen                // what follows it was overwritten, or never came: see Lose
	Rewound               // the room's log was rewound since: see Restart
)

// Ring is the memory of a room. The zero value is empty and knows no seq; see Start. All methods
// are safe for concurrent use and none blocks for longer than a copy.
type Ring struct {
	mu      sync.Mutex
	head    [forms]uint64 // position after the last frame
	rewound [forms]uint64 // position of the last rewind, 0 if there was none
	packing int           // readers of compressed frames
	seq     uint64        // of the last entry, or where following began
	floor   uint64        // every entry after this seq is held
	known   bool          // seq and floor are
	data    *data         // nil: nothing is held
}

// The forms that frames are held in.
const (
	plain = iota
	packed
	forms
)

// data are the circular buffers. Positions are taken modulo the length of buf, entries modulo that
// of list; the lengths are powers of two.
type data struct {
	lanes       [forms]lane
	list        []entry
	first, last uint64 // entries in list: [first, last)
	// revised are plain frames that replace those of some entries for readers of both forms, by the
	// number of the entry.
	revised map[uint64][]byte
}

// lane holds the frames in one form. That of the compressed ones is empty while nobody reads them.
type lane struct {
	buf  []byte
	tail uint64 // position of the oldest frame
}

// entry is a frame.
type entry struct {
	pos  [forms]uint64
	seq  uint64 // 0: live only, no entry of the log
	prev uint64 // seq of the log entry before
	id   uint64 // hash of the entry's id
	name uint64 // hash of the name of the message that the entry is or is about; 0: none
	at   uint32 // seconds
	size [forms]uint32
}

const (
	minBytes   = 512
	minEntries = 8
)

// Start sets the seq at which following began. It does nothing once there are entries.
func (r *Ring) Start(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known {
		r.seq, r.floor, r.known = seq, seq, true
	}
}

// Message is what Append makes frames of.
type Message struct {
	Payload []byte
	Packed  []byte // the payload compressed; nil: it is not
	Seq     uint64 // 0: no entry of the log
	Prev    uint64
	ID      string
	Name    uint64 // see NameOf; 0: it is no message and about none
}

// Append adds a message as a frame. now is in seconds. It allocates only when the buffer grows.
func (r *Ring) Append(l Limits, m Message, now uint32) {
	var heads [forms][frame.MaxHeader]byte
	h := frame.AppendHeader(heads[plain][:0], ws.OpText, len(m.Payload))
	z, zbody := h, m.Payload
	if m.Packed != nil {
		z, zbody = frame.AppendPackedHeader(heads[packed][:0], ws.OpText, len(m.Packed)), m.Packed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.Seq != 0 {
		if !r.known {
			r.floor, r.known = m.Prev, true
		}
		r.seq = m.Seq
	}
	d := r.data
	if d == nil {
		d = &data{}
		for form := range d.lanes {
			d.lanes[form].tail = r.head[form]
		}
		r.data = d
	}
	size := [forms]int{len(h) + len(m.Payload), 0}
	if r.packing > 0 {
		size[packed] = len(z) + len(zbody)
	}
	r.makeRoom(d, l, size, now)
	e := entry{r.head, m.Seq, m.Prev, Hash(m.ID), m.Name, now, [forms]uint32{uint32(size[plain]), uint32(size[packed])}}
	r.put(plain, h, m.Payload)
	if r.packing > 0 {
		r.put(packed, z, zbody)
	}
	d.list[d.last%uint64(len(d.list))] = e
	d.last++
}

// put writes a frame at the head. It has been made room for.
func (r *Ring) put(form int, header, payload []byte) {
	l := &r.data.lanes[form]
	l.put(r.head[form], header)
	l.put(r.head[form]+uint64(len(header)), payload)
	r.head[form] += uint64(len(header) + len(payload))
}

// makeRoom grows the buffers, or drops the oldest frames, until size bytes and one entry fit.
func (r *Ring) makeRoom(d *data, l Limits, size [forms]int, now uint32) {
	for d.first != d.last {
		old := now-d.oldest().at >= l.Keep
		total, fits := 0, true
		for form := range d.lanes {
			need := d.lanes[form].used(r.head[form]) + size[form]
			total += need
			fits = fits && need <= len(d.lanes[form].buf)
		}
		if total <= l.Bytes && (!old || fits) { // old, but not in the way
			break
		}
		r.drop(d)
	}
	for form := range d.lanes {
		lane := &d.lanes[form]
		if need := lane.used(r.head[form]) + size[form]; need > len(lane.buf) {
			lane.resize(r.head[form], need)
		}
	}
	if d.last-d.first < uint64(len(d.list)) {
		return
	}
	if d.first != d.last && (len(d.list) >= l.Entries || now-d.oldest().at >= l.Keep) {
		r.drop(d)
		return
	}
	list := make([]entry, max(minEntries, 2*len(d.list)))
	for i := d.first; i != d.last; i++ {
		list[i%uint64(len(list))] = d.list[i%uint64(len(d.list))]
	}
	d.list = list
}

// drop forgets the oldest frame.
func (r *Ring) drop(d *data) {
	e := d.oldest()
	delete(d.revised, d.first)
	d.first++
	for form := range d.lanes {
		if form == plain || r.packing > 0 {
			d.lanes[form].tail = e.pos[form] + uint64(e.size[form])
		}
	}
	if e.seq != 0 {
		r.floor = e.seq
	}
}

// Trim forgets frames that are older than Keep, and the buffer when it is empty.
func (r *Ring) Trim(l Limits, now uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.data
	if d == nil {
		return
	}
	for d.first != d.last && now-d.oldest().at >= l.Keep {
		r.drop(d)
	}
	if d.first == d.last {
		r.data = nil
		return
	}
	for form := range d.lanes {
		lane := &d.lanes[form]
		if used := lane.used(r.head[form]); used*4 < len(lane.buf) {
			lane.resize(r.head[form], used)
		}
	}
}

// Rewind forgets everything: the log starts anew at seq.
func (r *Ring) Rewind(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear(seq)
	r.rewound = r.head
}

// Lose drops everything, because entries up to seq are missing. Every position held so far becomes
// Fallen.
func (r *Ring) Lose(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear(seq)
}

// clear forgets everything through seq. r.mu is held.
func (r *Ring) clear(seq uint64) {
	r.data = nil
	for form := range r.head {
		r.head[form]++ // every position held so far is now before what comes
	}
	r.seq, r.floor, r.known = seq, seq, true
}

func (d *data) oldest() *entry { return &d.list[d.first%uint64(len(d.list))] }

// used returns how many bytes the lane holds.
func (l *lane) used(head uint64) int { return int(head - l.tail) }

// put writes b at a position. It has been made room for.
func (l *lane) put(pos uint64, b []byte) {
	at := int(pos % uint64(len(l.buf)))
	n := copy(l.buf[at:], b)
	copy(l.buf, b[n:])
}

// get appends the bytes from one position to another.
func (l *lane) get(dst []byte, from, to uint64) []byte {
	for from < to {
		at := from % uint64(len(l.buf))
		n := min(to-from, uint64(len(l.buf))-at)
		dst = append(dst, l.buf[at:at+n]...)
		from += n
	}
	return dst
}

// resize moves the frames into a buffer of at least need bytes.
func (l *lane) resize(head uint64, need int) {
	size := minBytes
	for size < need {
		size *= 2
	}
	old := l.buf
	l.buf = make([]byte, size)
	for at := l.tail; at < head; {
		i := at % uint64(len(old))
		n := min(head-at, uint64(len(old))-i)
		l.put(at, old[i:i+n])
		at += n
	}
}
