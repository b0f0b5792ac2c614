package history

import (
	"context"
	"slices"
	"sync"
	"time"

	"hubbub.internal/libs/chat"
)

const (
	// maxWaiting is how many requests wait for their turn at most.
	maxWaiting = 512
	// maxWaitingEach is how many requests of one user do.
	maxWaitingEach = 16
	// comeBack is when a client tries again that has too many requests waiting.
	comeBack = time.Second
)

var (
	errWaiting = &chat.Error{Code: chat.CodeRateLimited, Message: "you have too many requests for history waiting", RetryAfter: comeBack}
	errCrowd   = chat.Unavailable("history has too many requests waiting", comeBack)
)

// turns schedules requests: one of each user at a time, in their order, and
// of those who wait first the user who has waited longest for a turn. So nobody waits for more than
// one request of another.
type turns struct {
	mu      sync.Mutex
	free    int                        // how many more may begin now
	running map[string]bool            // users who have a request under way
	waiting map[string][]chan struct{} // by user; closed when it is the request's turn
	order   []string                   // users who wait and have none under way: who is next
	n       int                        // requests that wait

	allowance allowance // guarded by mu, too
}

// newTurns returns turns of which so many are taken at the same time, by users who are each given
// at most so many bytes a second; 0: any.
func newTurns(atOnce, bytes int) *turns {
	return &turns{
		free: atOnce, running: make(map[string]bool), waiting: make(map[string][]chan struct{}),
		allowance: allowance{perSecond: bytes, spent: make(map[string]time.Time)},
	}
}

// acquire waits for the user's turn, which ends when the function is called that is returned, with
// the size of the answer in bytes. Errors: errWaiting, errCrowd, and that of ctx.
func (t *turns) acquire(ctx context.Context, user string) (done func(size int), err error) {
	done = func(size int) { t.end(user, size) }
	t.mu.Lock()
	if t.free > 0 && !t.running[user] { // then nobody waits who could begin
		t.begin(user)
		t.mu.Unlock()
		return done, nil
	}
	switch {
	case len(t.waiting[user]) >= maxWaitingEach:
		err = errWaiting
	case t.n >= maxWaiting:
		err = errCrowd
	}
	if err != nil {
		t.mu.Unlock()
		return nil, err
	}
	mine := make(chan struct{})
	if len(t.waiting[user]) == 0 && !t.running[user] {
		t.order = append(t.order, user)
	}
	t.waiting[user] = append(t.waiting[user], mine)
	t.n++
	t.mu.Unlock()
	select {
	case <-mine:
		return done, nil
	case <-ctx.Done():
		t.leave(user, mine)
		return nil, ctx.Err()
	}
}

// begin starts a request. mu is held.
func (t *turns) begin(user string) {
	t.free--
	t.running[user] = true
}

// end ends a request, and begins the next. A user who was given more than the allowance has the
// next turn later.
func (t *turns) end(user string, size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free++
	if wait := t.allowance.spend(user, size, time.Now()); wait > 0 {
		time.AfterFunc(wait, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.again(user)
		})
		t.next()
		return
	}
	t.again(user)
}

// again lets a user have turns again. mu is held.
func (t *turns) again(user string) {
	delete(t.running, user)
	if len(t.waiting[user]) > 0 {
		t.order = append(t.order, user)
	}
	t.next()
}

// next begins what can begin. mu is held.
func (t *turns) next() {
	for t.free > 0 && len(t.order) > 0 {
		user := t.order[0]
		t.order = t.order[1:]
		first := t.waiting[user][0]
		t.drop(user, 0)
		t.begin(user)
		close(first)
	}
}

// drop takes a request out of those of a user that wait. mu is held.
func (t *turns) drop(user string, at int) {
	t.n--
	if t.waiting[user] = slices.Delete(t.waiting[user], at, at+1); len(t.waiting[user]) == 0 {
		delete(t.waiting, user)
	}
}

// leave gives up waiting.
func (t *turns) leave(user string, mine chan struct{}) {
	t.mu.Lock()
	at := slices.Index(t.waiting[user], mine)
	if at < 0 { // its turn has come meanwhile
		t.mu.Unlock()
		t.end(user, 0)
		return
	}
	defer t.mu.Unlock()
	if t.drop(user, at); len(t.waiting[user]) == 0 {
		t.order = slices.DeleteFunc(t.order, func(u string) bool { return u == user })
	}
}
