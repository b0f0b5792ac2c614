package wire

// MaxJoins is how many rooms one join may name.
const MaxJoins = 100

// list reads the list that is the rooms of join. good says that it is one, ok that it is JSON. What
// its objects say is read by EachRoom.
func (c *Command) list(s *scanner) (good, ok bool) {
	start := s.i
	s.i++
	if s.next() == ']' {
		s.i++
		return false, true
	}
	good = true
	for n := 1; ; n++ {
		good = good && s.next() == '{' && n <= MaxJoins
		if !s.skip(2) {
			return false, false
		}
		end := s.next()
		s.i++
		if end == ']' {
			c.Rooms = s.b[start:s.i:s.i]
			return good, true
		}
		if end != ',' {
			return false, false
		}
	}
}

// EachRoom decodes each of the Rooms of a join into one, as the join of that room alone, and calls
// do with its error, which is as that of Decode; it ends when do returns false. It allocates
// nothing. What one has of the frame is valid as long as what c has.
func (c *Command) EachRoom(one *Command, do func(err error) bool) {
	s := scanner{b: c.Rooms}
	for s.i < len(s.b) {
		s.i++ // the bracket or comma before the object
		*one = Command{Limit: DefaultLimit}
		if !one.object0(&s) {
			return // behind the last: Decode has looked at all of it
		}
		one.Kind = Join
		one.found = one.found&^fRooms.bit() | fType.bit()
		one.wrong &^= set(fType, fRooms)
		one.twice &^= set(fType, fRooms)
		one.Rooms = nil
		if !do(one.judge()) {
			return
		}
		s.next()
	}
}
