package wire

// position reads the object in the field after of a join. good reports that it is a position, ok
// that it is JSON.
func (c *Command) position(s *scanner) (good, ok bool) {
	c.object = true
	found, good, ok := s.object(set(fSeq, fID), func(f field, first byte) (good, ok bool) {
		if f == fSeq {
			if !isDigit(first) {
				return false, s.skip(2)
			}
			n, exact, ok := s.num()
			c.After = n
			return exact, ok
		}
		c.AfterID, good, ok = s.id(first)
		return good, ok
	})
	return good && found&fSeq.bit() != 0, ok
}
