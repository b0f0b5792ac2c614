package wire

// position reads the object in the field after of a join. good reports that it is a position, ok
// that it is JSON.
func (c *Command) position(s *scanner) (good, ok bool) {
	c.object = true
	s.i++
	if s.next() == '}' {
		s.i++
		return false, true
	}
	var named, found fields
	good = true
	for {
		if s.next() != '"' {
			return false, false
		}
		key, ok := s.str()
		if !ok || s.next() != ':' {
			return false, false
		}
		s.i++
		f := fieldOf(&key)
		if f == fSeq || f == fID {
			good = good && named&f.bit() == 0
			named |= f.bit()
		}
		switch first := s.next(); {
		case f == fSeq && isDigit(first):
			n, exact, ok := s.num()
			if !ok {
				return false, false
			}
			c.After, good = n, good && exact
			found |= f.bit()
		case f == fID && first == '"':
			l, ok := s.str()
			if !ok {
				return false, false
			}
			c.AfterID = l.inner()
			good = good && isID(c.AfterID) // which has no escapes
		default:
			if !s.skip(2) {
				return false, false
			}
			good = good && (first == 'n' || f != fSeq && f != fID)
		}
		end := s.next()
		s.i++
		if end == '}' {
			return good && found != 0, true
		}
		if end != ',' {
			return false, false
		}
	}
}
