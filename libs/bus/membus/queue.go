package membus

import "sync"

// queue calls functions one after the other, in the order in which they were added.
type queue struct {
	mu     sync.Mutex
	cond   sync.Cond
	calls  []func()
	held   bool // none is called for now
	closed bool // none is added any more; those that were are still called
}

// add returns false when the queue is closed.
func (q *queue) add(f func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.calls = append(q.calls, f)
	q.cond.Signal()
	return true
}

func (q *queue) run() {
	for {
		q.mu.Lock()
		for (len(q.calls) == 0 || q.held) && !q.closed {
			q.cond.Wait()
		}
		if len(q.calls) == 0 {
			q.mu.Unlock()
			return
		}
		f := q.calls[0]
		q.calls = q.calls[1:]
		q.mu.Unlock()
		f()
	}
}

func (q *queue) set(held bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = held
	q.cond.Signal()
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.cond.Signal()
}

// subscription is the handle of something that is called until Stop.
type subscription struct {
	b    *Bus
	drop func() // with the server's mu held

	mu      sync.Mutex // held while it is called
	stopped bool
}

func (s *subscription) call(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		f()
	}
}

// Stop implements bus.Subscription.
func (s *subscription) Stop() {
	s.b.s.mu.Lock()
	s.drop()
	s.b.s.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}
