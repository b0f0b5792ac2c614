package history

import (
	"slices"
	"sync"
)

// noting knows in which rooms this process stores something that more has to be written after, and
// counts how often that was done, and mentions were resolved. Its methods are safe for concurrent
// use.
type noting struct {
	wake chan struct{} // something was noted

	mu    sync.Mutex
	rooms map[string]int // in so many batches
	done  uint64
}

func newNoting() *noting { return &noting{wake: make(chan struct{}, 1), rooms: make(map[string]int)} }

// begin says that what is about to be stored in rooms has more written after it: whom it may
// mention, or from where on a member reads. The caller calls end when that is done.
func (n *noting) begin(rooms []string) (end func()) {
	if len(rooms) == 0 {
		return func() {}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, room := range rooms {
		n.rooms[room]++
	}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, room := range rooms {
			if n.rooms[room]--; n.rooms[room] == 0 {
				delete(n.rooms, room)
			}
		}
		n.done++ // who has read in between looks again
	}
}

func (n *noting) any(rooms []string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.rooms) > 0 && slices.ContainsFunc(rooms, func(room string) bool { return n.rooms[room] > 0 })
}

func (n *noting) resolved() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.done
}

func (n *noting) resolve(count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done += uint64(count)
}
