package transport

// waitCoarsely has the loop do without epoll_pwait2, as on Linux before 5.11.
func (l *epoll) waitCoarsely() { l.coarse = true }
