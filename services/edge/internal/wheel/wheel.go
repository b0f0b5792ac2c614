// Package wheel owns the timers of one loop's connections: one for each, in a wheel of slots that links the
// connections' own memory, so that a timer costs two numbers and no heap.
//
// It knows no clock: ticks are the caller's. It is not safe for concurrent use.
package wheel

// slots is how many ticks the wheel goes round in. A timer further ahead fires early, and its owner sets it again.
const slots = 1024

// Timer is the part of a connection that the wheel links. Its zero value is a timer that is not set.
type Timer struct {
	next, prev uint32 // of the list, plus one; 0: none
	slot       uint16 // plus one; 0: not set
}

// Set reports whether the timer is set.
func (t *Timer) Set() bool { return t.slot != 0 }

// Wheel holds the timers that are set. at returns the timer of a connection.
type Wheel struct {
	first [slots]uint32 // plus one
	now   uint32        // the last tick that has fired
	count int
	at    func(id uint32) *Timer
}

// New returns a wheel that stands at tick now.
func New(now uint32, at func(id uint32) *Timer) *Wheel { return &Wheel{now: now, at: at} }

// Len returns how many timers are set.
func (w *Wheel) Len() int { return w.count }

// Set has the timer of id fire at a tick, or at the next one if that has passed, and no longer when it was set to.
func (w *Wheel) Set(id, tick uint32) {
	t := w.at(id)
	w.unlink(t)
	ahead := max(1, min(int32(tick-w.now), slots-1))
	slot := (w.now + uint32(ahead)) % slots
	t.slot, t.prev, t.next = uint16(slot+1), 0, w.first[slot]
	if t.next != 0 {
		w.at(t.next - 1).prev = id + 1
	}
	w.first[slot] = id + 1
	w.count++
}

// Jump moves an empty wheel to tick now; one that is not empty stays where Advance left it. While nothing is set nobody
// advances the wheel, and a timer that was set on it as it stands would fire too early.
func (w *Wheel) Jump(now uint32) {
	if w.count == 0 {
		w.now = now
	}
}

// Clear takes the timer of id out.
func (w *Wheel) Clear(id uint32) { w.unlink(w.at(id)) }

func (w *Wheel) unlink(t *Timer) {
	if t.slot == 0 {
		return
	}
	if t.prev != 0 {
		w.at(t.prev - 1).next = t.next
	} else {
		w.first[t.slot-1] = t.next
	}
	if t.next != 0 {
		w.at(t.next - 1).prev = t.prev
	}
	*t = Timer{}
	w.count--
}

// Advance moves to tick now and calls fire for each timer that was set to a tick on the way. The timer is no longer
// set then; fire may set and clear any.
func (w *Wheel) Advance(now uint32, fire func(id uint32)) {
	if now-w.now > slots { // after a long sleep once round is enough
		w.now = now - slots
	}
	for w.now != now {
		w.now++
		// A timer that fire sets goes to a later slot, so the list only shrinks.
		for first := &w.first[w.now%slots]; *first != 0; {
			id := *first - 1
			w.unlink(w.at(id))
			fire(id)
		}
	}
}
