package ring

// Pack adds a reader of compressed frames. The first one makes the second buffer, and copies the
// frames that are held into it uncompressed. Each Pack needs one Unpack.
func (r *Ring) Pack() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.packing++; r.packing > 1 || r.data == nil {
		return
	}
	d := r.data
	from, to := &d.lanes[plain], &d.lanes[packed]
	to.tail = r.head[packed]
	to.resize(r.head[packed], from.used(r.head[plain]))
	for i := d.first; i != d.last; i++ {
		e := &d.list[i%uint64(len(d.list))]
		e.pos[packed], e.size[packed] = r.head[packed], e.size[plain]
		for at, end := e.pos[plain], e.pos[plain]+uint64(e.size[plain]); at < end; {
			k := at % uint64(len(from.buf))
			n := min(end-at, uint64(len(from.buf))-k)
			to.put(r.head[packed], from.buf[k:k+n])
			r.head[packed] += n
			at += n
		}
	}
}

// Unpack removes a reader of compressed frames. The last one frees the second buffer.
func (r *Ring) Unpack() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.packing--; r.packing == 0 && r.data != nil {
		r.data.lanes[packed] = lane{tail: r.head[packed]}
	}
}

// Packing reports whether there are readers of compressed frames; without any, compressing is a
// waste. The answer may be out of date at once, which does no harm.
func (r *Ring) Packing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.packing > 0
}
