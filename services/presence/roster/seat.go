package roster

// seat is a user's place in a room. 8 bytes; its zero is none.
type seat struct {
	user  uint32 // index + 1
	state uint32 // refs, moved, told and online
}

// Seat names a user's place in a room, as long as that lasts.
type Seat struct{ room, user uint32 }

const (
	onlineBit = 1
	toldShift = 1
	toldMask  = 7 << toldShift
	movedBit  = 1 << 4
	refsShift = 5
)

func newSeat(u uint32) seat { return seat{user: u + 1} }

func (s seat) hash() uint64 { return mixBits(uint64(s.user)) }

// refs is how many sessions of the user are in the room.
func (s seat) refs() uint32 { return s.state >> refsShift }

func (s *seat) setRefs(n uint32) { s.state = s.state&(1<<refsShift-1) | n<<refsShift }

// told is the status that watchers know.
func (s seat) told() uint8 { return uint8(s.state & toldMask >> toldShift) }

func (s *seat) setTold(status uint8) { s.state = s.state&^toldMask | uint32(status)<<toldShift }

// moved says that others have seen something else than watchers know, though it may be the same
// again by now.
func (s seat) moved() bool { return s.state&movedBit != 0 }

func (s *seat) setMoved(on bool) { s.set(movedBit, on) }

// online says that the seat is counted in room.online.
func (s seat) online() bool { return s.state&onlineBit != 0 }

func (s *seat) setOnline(on bool) { s.set(onlineBit, on) }

func (s *seat) set(bit uint32, on bool) {
	s.state &^= bit
	if on {
		s.state |= bit
	}
}

// seat returns the seat, which may be changed until the next change of the roster, or nil.
func (r *Roster) seat(at Seat) *seat {
	if int(at.room) >= len(r.rooms.items) {
		return nil
	}
	seats := &r.rooms.items[at.room].seats
	i := seats.find(newSeat(at.user).hash(), func(s seat) bool { return s.user == at.user+1 })
	if i < 0 {
		return nil
	}
	return &seats.slots[i]
}
