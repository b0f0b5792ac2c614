package ring

import "sort"

// Hash is the hash of an entry's id (FNV-1a).
func Hash[T string | []byte](id T) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return h
}

// Head returns the seq through which the ring has everything, and the position after its last frame.
func (r *Ring) Head() (seq, pos uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq, r.head
}

// floorAt is the seq of the last entry before a position that is held.
func (r *Ring) floorAt(pos uint64) uint64 {
	if d := r.data; d != nil {
		for i := d.after(pos); i < d.last; i++ {
			if e := d.list[i%uint64(len(d.list))]; e.seq != 0 {
				return e.prev
			}
		}
	}
	return r.seq
}

// Restart returns where a reader whose position was Rewound goes on: the seq that it then is at, and the position.
// What was overwritten since the rewind is no matter: the reader fetches everything anew.
func (r *Ring) Restart() (seq, pos uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pos = max(r.rewound, r.tail())
	return r.floorAt(pos), pos
}

// Copy appends to dst the frames from position from on, whole ones, at most limit bytes of them but at least one. It
// returns the position after the last. Where the status is not Held nothing is appended.
func (r *Ring) Copy(dst []byte, from uint64, limit int) (out []byte, to uint64, s Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s := r.status(from); {
	case s != Held:
		return dst, from, s
	case from == r.head:
		return dst, from, Held
	}
	d := r.data
	to = r.head
	if r.head-from > uint64(limit) {
		for i := d.after(from); i < d.last; i++ {
			e := &d.list[i%uint64(len(d.list))]
			if end := e.pos + uint64(e.size); e.pos == from || end-from <= uint64(limit) {
				to = end
				continue
			}
			break
		}
	}
	return d.get(dst, from, to), to, Held
}

// Status says whether a position can still be read from.
func (r *Ring) Status(from uint64) Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status(from)
}

func (r *Ring) status(from uint64) Status {
	switch {
	case from < r.rewound:
		return Rewound
	case from < r.tail():
		return Fallen
	}
	return Held
}

// Tail returns the oldest position that can be read from.
func (r *Ring) Tail() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tail()
}

func (r *Ring) tail() uint64 {
	if r.data == nil {
		return r.head
	}
	return r.data.tail
}

// Since appends to dst the log's frames after the entry seq, in order, and returns through which seq they go and the
// position after them. ok is false when the ring cannot tell: it does not reach back, seq is beyond it, the id (a hash;
// 0: any) is another, or there are more than count frames or limit bytes.
func (r *Ring) Since(dst []byte, seq, id uint64, count, limit int) (out []byte, through, pos uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known || seq < r.floor || seq > r.seq {
		return dst, 0, 0, false
	}
	out = dst
	if id != 0 && !r.has(seq, id) {
		return dst, 0, 0, false
	}
	if d := r.data; d != nil {
		for i := d.first; i < d.last; i++ {
			e := &d.list[i%uint64(len(d.list))]
			if e.seq <= seq { // or live only
				continue
			}
			if count--; count < 0 || len(out)-len(dst)+int(e.size) > limit {
				return dst, 0, 0, false
			}
			out = d.get(out, e.pos, e.pos+uint64(e.size))
		}
	}
	return out, r.seq, r.head, true
}

// has reports whether the ring holds the entry with this identity.
func (r *Ring) has(seq, id uint64) bool {
	d := r.data
	if d == nil {
		return false
	}
	for i := d.first; i < d.last; i++ {
		if e := &d.list[i%uint64(len(d.list))]; e.seq == seq {
			return e.id == id
		}
	}
	return false
}

// Attach returns the position from which a reader that has everything through seq goes on. ahead says that the ring is
// not there yet: the reader takes from the position only entries after seq. ok is false when entries between seq and
// what the ring holds are missing.
func (r *Ring) Attach(seq uint64) (pos uint64, ahead, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.known || seq < r.floor:
		return 0, false, false
	case seq > r.seq:
		return r.head, true, true
	}
	if d := r.data; d != nil {
		for i := d.first; i < d.last; i++ {
			if e := &d.list[i%uint64(len(d.list))]; e.seq > seq {
				return e.pos, false, true
			}
		}
	}
	return r.head, false, true
}

// Pass returns the position of the first frame at or after from that a reader with everything through seq is to have,
// and whether the ring has come that far. Until then the position is that of the head.
func (r *Ring) Pass(from, seq uint64) (pos uint64, done bool, s Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.status(from); s != Held {
		return from, false, s
	}
	if d := r.data; d != nil {
		for i := d.after(from); i < d.last; i++ {
			if e := &d.list[i%uint64(len(d.list))]; e.seq > seq {
				return e.pos, true, Held
			}
		}
	}
	return r.head, r.seq >= seq, Held
}

// after returns the number of the first entry whose position is at or after pos.
func (d *data) after(pos uint64) uint64 {
	n := sort.Search(int(d.last-d.first), func(i int) bool {
		return d.list[(d.first+uint64(i))%uint64(len(d.list))].pos >= pos
	})
	return d.first + uint64(n)
}
