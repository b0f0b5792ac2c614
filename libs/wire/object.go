package wire

// object reads an object within a command. value reads what one of the known fields has, which
// begins with first and is not null; good says that the field can have it, ok that it is JSON.
// null counts as absent, other fields are skipped, and a known field that is there twice is not
// good. found are the known fields that have a value.
func (s *scanner) object(known fields, value func(f field, first byte) (good, ok bool)) (found fields, good, ok bool) {
	s.i++
	if s.next() == '}' {
		s.i++
		return 0, true, true
	}
	var named fields
	good = true
	for {
		if s.next() != '"' {
			return 0, false, false
		}
		key, ok := s.str()
		if !ok || s.next() != ':' {
			return 0, false, false
		}
		s.i++
		f := fieldOf(&key)
		fits := true
		var isJSON bool
		switch first := s.next(); {
		case known&f.bit() == 0:
			isJSON = s.skip(2)
		case first == 'n':
			isJSON = s.skip(2)
			fits = named&f.bit() == 0
		default:
			fits, isJSON = value(f, first)
			fits = fits && named&f.bit() == 0
			found |= f.bit()
		}
		if !isJSON {
			return 0, false, false
		}
		named |= known & f.bit()
		good = good && fits
		end := s.next()
		s.i++
		if end == '}' {
			return found, good, true
		}
		if end != ',' {
			return 0, false, false
		}
	}
}

// id reads a value that has to be an id; good: it is one.
func (s *scanner) id(first byte) (id []byte, good, ok bool) {
	if first != '"' {
		return nil, false, s.skip(2)
	}
	l, ok := s.str()
	if !ok {
		return nil, false, false
	}
	id = l.inner()
	return id[:len(id):len(id)], isID(id), true // an id has no escapes
}
