// Package ring owns what an edge remembers of one room: the latest frames, encoded once, in one circular buffer that all
// loops copy from. Whoever reads keeps a position in it, which costs eight bytes however slow the reader is.
//
// It knows no reader and no socket. A room in which nothing happens holds no buffer.
package ring

import (
	"sync"

	"github.com/gobwas/ws"

	"hubbub.internal/services/edge/internal/frame"
)

// Limits bound a ring.
type Limits struct {
	Bytes   int    // of frames; one frame may be longer
	Entries int    // frames
	Keep    uint32 // seconds that a frame is kept if the bounds allow; the buffer grows for it
}

// Status says whether a position can still be read from.
type Status uint8

// What a position may be.
const (
	Held    Status = iota // what follows it is there
	Fallen                // what follows it was overwritten
	Rewound               // the room's log was rewound since: see Restart
)

// Ring is the memory of a room. The zero value is empty and knows no seq; see Start. All methods are safe for
// concurrent use and none blocks for longer than a copy.
type Ring struct {
	mu      sync.Mutex
	head    uint64 // position after the last frame
	rewound uint64 // position of the last rewind, 0 if there was none
	seq     uint64 // of the last entry, or where following began
	floor   uint64 // every entry after this seq is held
	known   bool   // seq and floor are
	data    *data  // nil: nothing is held
}

// data is the circular buffer. Positions are taken modulo the length of buf, entries modulo that of list; both lengths
// are powers of two.
type data struct {
	buf         []byte
	tail        uint64 // position of the oldest frame
	list        []entry
	first, last uint64 // entries in list: [first, last)
}

// entry is a frame.
type entry struct {
	pos  uint64
	seq  uint64 // 0: live only, no entry of the log
	prev uint64 // seq of the log entry before
	id   uint64 // hash of the entry's id
	at   uint32 // seconds
	size uint32
}

const (
	minBytes   = 512
	minEntries = 8
)

// Start says that following began at seq, unless entries have come already.
func (r *Ring) Start(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known {
		r.seq, r.floor, r.known = seq, seq, true
	}
}

// Append adds a frame with the given payload. A seq of 0 is a frame that is no entry of the log. now is in seconds.
// It allocates only when the buffer grows.
func (r *Ring) Append(l Limits, payload []byte, seq, prev uint64, id string, now uint32) {
	var header [frame.MaxHeader]byte
	h := frame.AppendHeader(header[:0], ws.OpText, len(payload))
	size := len(h) + len(payload)
	r.mu.Lock()
	defer r.mu.Unlock()
	if seq != 0 {
		if !r.known {
			r.floor, r.known = prev, true
		}
		r.seq = seq
	}
	d := r.data
	if d == nil {
		d = &data{tail: r.head}
		r.data = d
	}
	r.makeRoom(d, l, size, now)
	d.put(r.head, h)
	d.put(r.head+uint64(len(h)), payload)
	d.list[d.last%uint64(len(d.list))] = entry{r.head, seq, prev, Hash(id), now, uint32(size)}
	d.last++
	r.head += uint64(size)
}

// makeRoom grows the buffer, or drops the oldest frames, until size bytes and one entry fit.
func (r *Ring) makeRoom(d *data, l Limits, size int, now uint32) {
	for {
		used := int(r.head - d.tail)
		if used == 0 || used+size <= l.Bytes && now-d.oldest().at < l.Keep {
			if used+size > len(d.buf) {
				d.resize(r.head, used+size)
			}
			break
		}
		if used+size <= l.Bytes && used+size <= len(d.buf) {
			break // old, and not in the way
		}
		r.drop(d)
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
	d.first++
	d.tail = e.pos + uint64(e.size)
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
	switch used := int(r.head - d.tail); {
	case d.first == d.last:
		r.data = nil
	case used*4 < len(d.buf):
		d.resize(r.head, used)
	}
}

// Rewind forgets everything: the log starts anew at seq.
func (r *Ring) Rewind(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.data = nil
	r.head++ // every position held so far is now before the rewind
	r.rewound, r.seq, r.floor, r.known = r.head, seq, seq, true
}

func (d *data) oldest() *entry { return &d.list[d.first%uint64(len(d.list))] }

// put writes b at a position. It has been made room for.
func (d *data) put(pos uint64, b []byte) {
	at := int(pos % uint64(len(d.buf)))
	n := copy(d.buf[at:], b)
	copy(d.buf, b[n:])
}

// get appends the bytes from one position to another.
func (d *data) get(dst []byte, from, to uint64) []byte {
	for from < to {
		at := from % uint64(len(d.buf))
		n := min(to-from, uint64(len(d.buf))-at)
		dst = append(dst, d.buf[at:at+n]...)
		from += n
	}
	return dst
}

// resize moves the frames into a buffer of at least need bytes.
func (d *data) resize(head uint64, need int) {
	size := minBytes
	for size < need {
		size *= 2
	}
	old := *d
	d.buf = make([]byte, size)
	for at := d.tail; at < head; {
		i := at % uint64(len(old.buf))
		n := min(head-at, uint64(len(old.buf))-i)
		d.put(at, old.buf[i:i+n])
		at += n
	}
}
