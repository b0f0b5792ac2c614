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

// View reads a ring in one form. Positions of one form mean nothing in the other.
type View struct {
	r    *Ring
	form int
}

// Plain returns the view of the frames as they are.
func (r *Ring) Plain() View { return View{r, plain} }

// Packed returns the view of the compressed frames. It may be used between Pack and Unpack.
func (r *Ring) Packed() View { return View{r, packed} }

// Head returns the seq through which the ring has everything, and the position after its last
// frame.
func (v View) Head() (seq, pos uint64) {
	r := v.r
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq, r.head[v.form]
}

// floorAt is the seq of the last entry before a position that is held.
func (v View) floorAt(pos uint64) uint64 {
	r := v.r
	if d := r.data; d != nil {
		for i := d.after(v.form, pos); i < d.last; i++ {
			if e := d.list[i%uint64(len(d.list))]; e.seq != 0 {
				return e.prev
			}
		}
	}
	return r.seq
}

// Restart returns where a reader whose position was Rewound continues: its new seq and its new
// position. Frames that were overwritten since the rewind do not matter, because the reader fetches
// everything again.
func (v View) Restart() (seq, pos uint64) {
	r := v.r
	r.mu.Lock()
	defer r.mu.Unlock()
	pos = max(r.rewound[v.form], v.tail())
	return v.floorAt(pos), pos
}

// Copy appends to dst the frames from position from on, whole ones, at most limit bytes of them but
// at least one. It returns the position after the last. Where the status is not Held nothing is
// appended.
func (v View) Copy(dst []byte, from uint64, limit int) (out []byte, to uint64, s Status) {
	r := v.r
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s := v.status(from); {
	case s != Held:
		return dst, from, s
	case from == r.head[v.form]:
		return dst, from, Held
	}
	d := r.data
	to = r.head[v.form]
	if to-from > uint64(limit) {
		for i := d.after(v.form, from); i < d.last; i++ {
			e := &d.list[i%uint64(len(d.list))]
			if end := e.pos[v.form] + uint64(e.size[v.form]); e.pos[v.form] == from || end-from <= uint64(limit) {
				to = end
				continue
			}
			break
		}
	}
	return d.get(dst, v.form, from, to), to, Held
}

// Status says whether a position can still be read from.
func (v View) Status(from uint64) Status {
	r := v.r
	r.mu.Lock()
	defer r.mu.Unlock()
	return v.status(from)
}

func (v View) status(from uint64) Status {
	switch {
	case from < v.r.rewound[v.form]:
		return Rewound
	case from < v.tail():
		return Fallen
	}
	return Held
}

// Tail returns the oldest position that can be read from.
func (v View) Tail() uint64 {
	r := v.r
	r.mu.Lock()
	defer r.mu.Unlock()
	return v.tail()
}

func (v View) tail() uint64 {
	if v.r.data == nil {
		return v.r.head[v.form]
	}
	return v.r.data.lanes[v.form].tail
}

// Since appends to dst the log's frames after the entry seq, in order and plain, and returns
// through which seq they go and the position after them. ok is false when the ring cannot tell: it
// does not reach back, seq is beyond it, the id (a hash; 0: any) is another, or there are more than
// count frames or limit bytes.
func (v View) Since(dst []byte, seq, id uint64, count, limit int) (out []byte, through, pos uint64, ok bool) {
	r := v.r
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
			if count--; count < 0 || len(out)-len(dst)+int(e.size[plain]) > limit {
				return dst, 0, 0, false
			}
			out = d.get(out, plain, e.pos[plain], e.pos[plain]+uint64(e.size[plain]))
		}
	}
	return out, r.seq, r.head[v.form], true
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

// Attach returns the position from which a reader that has everything through seq continues. ahead
// means that the ring has not reached seq yet: from the position on, the reader skips entries up to
// seq. ok is false when the ring lacks entries that follow seq.
func (v View) Attach(seq uint64) (pos uint64, ahead, ok bool) {
	r := v.r
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.known || seq < r.floor:
		return 0, false, false
	case seq > r.seq:
		return r.head[v.form], true, true
	}
	if d := r.data; d != nil {
		for i := d.first; i < d.last; i++ {
			if e := &d.list[i%uint64(len(d.list))]; e.seq > seq {
				return e.pos[v.form], false, true
			}
		}
	}
	return r.head[v.form], false, true
}

// Pass returns the position of the first frame, at or after from, whose seq is greater than seq. It
// reports false while the ring has no such frame; the position is then that of the head.
func (v View) Pass(from, seq uint64) (pos uint64, done bool, s Status) {
	r := v.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := v.status(from); s != Held {
		return from, false, s
	}
	if d := r.data; d != nil {
		for i := d.after(v.form, from); i < d.last; i++ {
			if e := &d.list[i%uint64(len(d.list))]; e.seq > seq {
				return e.pos[v.form], true, Held
			}
		}
	}
	return r.head[v.form], r.seq >= seq, Held
}

// after returns the number of the first entry whose position is at or after pos.
func (d *data) after(form int, pos uint64) uint64 {
	n := sort.Search(int(d.last-d.first), func(i int) bool {
		return d.list[(d.first+uint64(i))%uint64(len(d.list))].pos[form] >= pos
	})
	return d.first + uint64(n)
}
