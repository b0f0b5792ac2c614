package password

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"

	"hubbub.internal/libs/chat"
)

const (
	// hashWait is how long a password waits to be hashed.
	hashWait = 5 * time.Second
	// maxHashesOf is how many passwords of one client wait at a time: as many people as an office
	// has who come to work.
	maxHashesOf = 64
	// maxHashes is how many wait in all, known devices apart: what two cores hash within hashWait.
	maxHashes = 256
)

// ErrBusy is what Do returns when the turn does not come in time.
var ErrBusy = chat.Unavailable("too many people are logging in right now", 2*time.Second)

// Hasher hashes passwords with argon2id (RFC 9106), few at a time, since each takes memory and time
// on purpose. Clients take turns, however many passwords one of them sends, and known devices go
// first. Its methods are safe for concurrent use.
type Hasher struct {
	params argon2id.Params

	mu      sync.Mutex
	free    int   // how many may start now
	known   turns // of known devices, by user
	clients turns // of everybody else, by client address
}

// NewHasher returns a Hasher that hashes so many passwords at a time.
func NewHasher(parallel int, params argon2id.Params) *Hasher {
	return &Hasher{params: params, free: parallel}
}

// waiting is a password that waits for its turn.
type waiting struct {
	turn chan struct{} // closed when the turn comes
	out  chan struct{} // closed when another takes the place
}

// turns are queues that are served one after the other.
type turns struct {
	queues map[string][]*waiting
	order  []string // the queues that are not empty, the next one first
	n      int
}

// add queues w behind those of the same client. When there are too many, the client with the most
// of them loses its last one: whoever floods the queue pushes out themselves and nobody else. It
// returns false if w is the one.
func (t *turns) add(client string, w *waiting) bool {
	if len(t.queues[client]) >= maxHashesOf {
		return false
	}
	if t.n >= maxHashes {
		most := client
		for c, q := range t.queues {
			if len(q) > len(t.queues[most]) {
				most = c
			}
		}
		q := t.queues[most]
		if len(q) <= len(t.queues[client])+1 {
			return false
		}
		close(q[len(q)-1].out)
		t.remove(most, q[len(q)-1])
	}
	if t.queues == nil {
		t.queues = make(map[string][]*waiting)
	}
	if len(t.queues[client]) == 0 {
		t.order = append(t.order, client)
	}
	t.queues[client] = append(t.queues[client], w)
	t.n++
	return true
}

// remove takes w out of a client's queue, if it is there.
func (t *turns) remove(client string, w *waiting) {
	q := t.queues[client]
	for i := range q {
		if q[i] != w {
			continue
		}
		t.n--
		if len(q) > 1 {
			t.queues[client] = append(q[:i:i], q[i+1:]...)
			return
		}
		delete(t.queues, client)
		for j, c := range t.order {
			if c == client {
				t.order = append(t.order[:j:j], t.order[j+1:]...)
				return
			}
		}
	}
}

// next takes out the one whose turn it is; nil: nobody waits.
func (t *turns) next() *waiting {
	if len(t.order) == 0 {
		return nil
	}
	client := t.order[0]
	w := t.queues[client][0]
	t.remove(client, w)
	if len(t.queues[client]) > 0 {
		t.order = append(t.order[1:len(t.order):len(t.order)], client)
	}
	return w
}

// Do calls f when it is the client's turn, and returns what it returns. client is the user for a
// known device, else an address. Errors: ErrBusy, when the turn does not come in time.
func (h *Hasher) Do(ctx context.Context, client string, known bool, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	if err := h.wait(ctx, client, known); err != nil {
		return err
	}
	defer h.done()
	return f()
}

func (h *Hasher) wait(ctx context.Context, client string, known bool) error {
	h.mu.Lock()
	if h.free > 0 {
		h.free--
		h.mu.Unlock()
		return nil
	}
	t := &h.clients
	if known {
		t = &h.known
	}
	w := &waiting{turn: make(chan struct{}), out: make(chan struct{})}
	ok := t.add(client, w)
	h.mu.Unlock()
	if !ok {
		return ErrBusy
	}
	select {
	case <-w.turn:
		return nil
	case <-w.out:
		return ErrBusy
	case <-ctx.Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-w.turn: // at the last moment
		return nil
	default:
		t.remove(client, w)
		return ErrBusy
	}
}

// done gives the turn on.
func (h *Hasher) done() {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.known.next()
	if w == nil {
		w = h.clients.next()
	}
	if w == nil {
		h.free++
		return
	}
	close(w.turn)
}

// Hash returns a new hash of a password.
func (h *Hasher) Hash(password string) (string, error) {
	defer h.collect()
	return argon2id.CreateHash(password, &h.params)
}

// Matches reports whether a hash is the password's.
func (h *Hasher) Matches(password, hash string) (bool, error) {
	defer h.collect()
	return argon2id.ComparePasswordAndHash(password, hash)
}

// collectFrom is the memory of a hash from which on it is worth collecting at once, in KiB.
const collectFrom = 1 << 10

// collect frees the memory of a hash: 19 MiB with the settings that are shipped. Left alone, the
// collector lets the heap double first. 20 log-ins at once took 77 to 96 MiB that way, and take 39
// to 58 MiB when each hash is collected at once, in no more time (BenchmarkHashes).
func (h *Hasher) collect() {
	if h.params.Memory >= collectFrom {
		runtime.GC()
	}
}
