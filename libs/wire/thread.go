package wire

// thread reads the object that names the root of a thread: its author and its id. good says that it
// is one, ok that it is JSON.
func (c *Command) thread(s *scanner) (good, ok bool) {
	both := set(fAuthor, fID)
	found, good, ok := s.object(both, func(f field, first byte) (good, ok bool) {
		to := &c.ThreadID
		if f == fAuthor {
			to = &c.ThreadAuthor
		}
		*to, good, ok = s.id(first)
		return good, ok
	})
	return good && found == both, ok
}
