package ring

import (
	"github.com/gobwas/ws"

	"hubbub.internal/services/edge/internal/frame"
)

// NameOf is the hash of the name of a message: who sent it, and its id. It is never 0.
func NameOf[U, I string | []byte](user U, id I) uint64 {
	h := Hash(user) // an id has no byte that stands for the end of the user's
	h = (h ^ 0xff) * 1099511628211
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return max(h, 1)
}

// Entry is an entry that a ring holds.
type Entry struct {
	number  uint64
	Seq     uint64
	Payload []byte // of its frame, as readers get it now; the caller's own
}

// Named returns the entries that are a message or about it, by the hash of its name, which others
// may share.
func (r *Ring) Named(name uint64) []Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.data
	if d == nil {
		return nil
	}
	var all []Entry
	for i := d.first; i < d.last; i++ {
		if e := &d.list[i%uint64(len(d.list))]; e.name == name && e.seq != 0 {
			b := d.get(nil, plain, e.pos[plain], e.pos[plain]+uint64(e.size[plain]))
			all = append(all, Entry{i, e.seq, b[frame.HeaderLen(b):]})
		}
	}
	return all
}

// Revise replaces the payload of an entry for all later readers, if the ring still holds the entry.
// The caller of Append calls it, and nothing is appended meanwhile.
func (r *Ring) Revise(e Entry, payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.data
	if d == nil || e.number < d.first || e.number >= d.last {
		return
	}
	if d.revised == nil {
		d.revised = make(map[uint64][]byte)
	}
	d.revised[e.number] = frame.Append(nil, ws.OpText, payload)
}

// get appends the frames between two positions, which are frame boundaries. A revised frame stands
// in the place of the original.
func (d *data) get(dst []byte, form int, from, to uint64) []byte {
	if len(d.revised) == 0 {
		return d.lanes[form].get(dst, from, to)
	}
	for i := d.after(form, from); i < d.last && from < to; i++ {
		e := &d.list[i%uint64(len(d.list))]
		b, ok := d.revised[i]
		if !ok {
			continue
		}
		if e.pos[form] >= to {
			break
		}
		dst = append(d.lanes[form].get(dst, from, e.pos[form]), b...)
		from = e.pos[form] + uint64(e.size[form])
	}
	return d.lanes[form].get(dst, from, to)
}
