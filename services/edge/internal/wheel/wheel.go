// Package wheel owns the timers of one loop's connections: one for each, in a wheel of slots. A
// timer costs eight bytes in the connection's own memory and four in a slot's list, and setting it
// touches no other connection's: with a million of them each such touch would be a cache miss.
//
// It knows no clock: ticks are the caller's. It is not safe for concurrent use.
package wheel

// slots is how many ticks the wheel goes round in. A timer further ahead is looked at on the way.
const slots = 1024

// maxSpare is the capacity up to which an empty list is kept: 64 KiB. A longer one would soon hold
// a few timers only, and the next burst of timers would grow another list.
const maxSpare = 16 << 10

// Timer is the part of a connection that the wheel uses. Its zero value is a timer that is not set.
type Timer struct {
	due uint32
	at  uint16 // the slot whose list has it, plus one; 0: not set. It is due then or later
}

// Set reports whether the timer is set.
func (t *Timer) Set() bool { return t.at != 0 }

// Wheel holds the timers that are set. at returns the timer of a connection.
type Wheel struct {
	// lists holds, by slot, the timers that may be due. A timer may have been moved or cleared
	// since it was entered: Timer.at decides when the slot's turn comes.
	lists [slots][]uint32
	spare [][]uint32 // empty lists
	now   uint32     // the last tick that has fired
	count int
	at    func(id uint32) *Timer
}

// New returns a wheel that stands at tick now.
func New(now uint32, at func(id uint32) *Timer) *Wheel { return &Wheel{now: now, at: at} }

// Len returns how many timers are set.
func (w *Wheel) Len() int { return w.count }

// Set schedules the timer of id for a tick, or for the next one if that has passed. It replaces an
// earlier schedule.
func (w *Wheel) Set(id, tick uint32) {
	t := w.at(id)
	if int32(tick-w.now) < 1 {
		tick = w.now + 1
	}
	t.due = tick
	switch {
	case t.at == 0:
		w.count++
	case (uint32(t.at-1)-w.now)%slots <= tick-w.now:
		return // it is found before, and goes on then
	}
	w.put(id, t)
}

// put enters a timer in the slot of its tick, or in the farthest slot if the tick is beyond it.
func (w *Wheel) put(id uint32, t *Timer) {
	slot := (w.now + min(t.due-w.now, slots-1)) % slots
	t.at = uint16(slot + 1)
	list := w.lists[slot]
	if n := len(w.spare); list == nil && n > 0 {
		list, w.spare = w.spare[n-1], w.spare[:n-1]
	}
	w.lists[slot] = append(list, id)
}

// Jump moves an empty wheel to tick now. The loop does not advance an empty wheel, so a timer that
// is set without Jump would fire too early. A wheel that is not empty stays as it is.
func (w *Wheel) Jump(now uint32) {
	if w.count == 0 {
		w.now = now
	}
}

// Clear takes the timer of id out.
func (w *Wheel) Clear(id uint32) {
	if t := w.at(id); t.at != 0 {
		*t = Timer{}
		w.count--
	}
}

// Advance moves to tick now and calls fire for each timer that was set to a tick on the way. The
// timer is no longer set then; fire may set and clear any.
func (w *Wheel) Advance(now uint32, fire func(id uint32)) {
	if now-w.now > slots { // after a long sleep once round is enough
		w.now = now - slots
	}
	for w.now != now {
		w.now++
		w.turn(fire)
	}
}

// turn fires what is due now. What fire sets goes to another slot's list.
func (w *Wheel) turn(fire func(id uint32)) {
	slot := w.now % slots
	list := w.lists[slot]
	if list == nil {
		return
	}
	w.lists[slot] = nil
	for _, id := range list {
		t := w.at(id)
		switch {
		case uint32(t.at) != slot+1: // it was cleared, or is in another list
		case int32(t.due-w.now) > 0:
			w.put(id, t)
		default:
			*t = Timer{}
			w.count--
			fire(id)
		}
	}
	if cap(list) <= maxSpare {
		w.spare = append(w.spare, list[:0])
	}
}
