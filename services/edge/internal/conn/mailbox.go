package conn

import (
	"sync"

	"hubbub.internal/services/edge/internal/transport"
)

// mailbox has what other goroutines want done on a loop.
type mailbox struct {
	loop  transport.Loop
	mu    sync.Mutex
	posts []func()
}

// Post calls do in the shard's next turn. It may be called from any goroutine.
func (m *mailbox) Post(do func()) {
	m.mu.Lock()
	m.posts = append(m.posts, do)
	m.mu.Unlock()
	m.loop.Wake()
}

// Wake makes the loop take a turn soon. It may be called from any goroutine.
func (m *mailbox) Wake() { m.loop.Wake() }

func (m *mailbox) runPosts() {
	m.mu.Lock()
	posts := m.posts
	m.posts = nil
	m.mu.Unlock()
	for _, do := range posts {
		do()
	}
}
