package wire

// MaxJoins is how many rooms one join may name.
const MaxJoins = 100

// list reads the list of rooms of a join. good reports that it is a list, ok that it is JSON.
// EachRoom reads the contents of its objects.
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

// EachRoom decodes each of the Rooms of a join into one, as a join of that room alone, and calls do
// with its error, as Decode would return it, until do returns false. It allocates nothing. The
// views in one are valid as long as those in c.
func (c *Command) EachRoom(one *Command, do func(err error) bool) {
	s := scanner{b: c.Rooms}
	for s.i < len(s.b) {
		s.i++ // the bracket or comma before the object
		*one = Command{Limit: DefaultLimit}
		if !one.object0(&s) {
			return // cannot happen: Decode has checked all of it
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
