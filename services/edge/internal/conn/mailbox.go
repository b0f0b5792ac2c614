package conn

import (
	"sync"
	"sync/atomic"

	"hubbub.internal/services/edge/internal/transport"
)

// mailbox has the functions that other goroutines post to a loop.
type mailbox struct {
	loop     transport.Loop
	hasPosts atomic.Bool // there are posts
	mu       sync.Mutex
	posts    []func()
}

// Post calls do in the shard's next turn. It may be called from any goroutine.
func (m *mailbox) Post(do func()) {
	m.mu.Lock()
	m.posts = append(m.posts, do)
	m.hasPosts.Store(true)
	m.mu.Unlock()
	m.loop.Wake()
}

// Wake makes the loop take a turn soon. It may be called from any goroutine.
func (m *mailbox) Wake() { m.loop.Wake() }

func (m *mailbox) runPosts() {
	if !m.hasPosts.Load() {
		return
	}
	m.mu.Lock()
	posts := m.posts
	m.posts = nil
	m.hasPosts.Store(false)
	m.mu.Unlock()
	for _, do := range posts {
		do()
	}
}
