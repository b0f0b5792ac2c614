package wire

// thread reads the object that names the root of a thread: its author and its id. good says that it
// is one, ok that it is JSON.
func (c *Command) thread(s *scanner) (good, ok bool) {
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
		if f == fAuthor || f == fID {
			good = good && named&f.bit() == 0
			named |= f.bit()
		}
		switch first := s.next(); {
		case (f == fAuthor || f == fID) && first == '"':
			l, ok := s.str()
			if !ok {
				return false, false
			}
			v := l.inner()
			v = v[:len(v):len(v)]
			good = good && !l.escaped && isID(v)
			if found |= f.bit(); f == fAuthor {
				c.ThreadAuthor = v
			} else {
				c.ThreadID = v
			}
		default:
			if !s.skip(2) {
				return false, false
			}
			good = good && f != fAuthor && f != fID
		}
		end := s.next()
		s.i++
		if end == '}' {
			return good && found == set(fAuthor, fID), true
		}
		if end != ',' {
			return false, false
		}
	}
}
