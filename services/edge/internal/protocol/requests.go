package protocol

import (
	"context"
	"sync"
	"time"

	"hubbub.internal/libs/chat"
)

// maxRequests is how many requests over HTTP the edge carries out at the same time, those whose
// bodies are still coming among them. Of one user it takes as many as sends of a socket may wait.
const maxRequests = 1024

var (
	errManyRequests = chat.Unavailable("the edge has as many requests in hand as it may", time.Second)
	errYourRequests = &chat.Error{Code: chat.CodeRateLimited, Message: "too many of your requests are in hand", RetryAfter: 500 * time.Millisecond}
)

// inHand counts the requests over HTTP that are being carried out.
type inHand struct {
	mu    sync.Mutex
	all   int
	users map[string]int
}

// begin counts one more, unless there are as many as may be.
func (n *inHand) begin(user string, ofUser int) *chat.Error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.all >= maxRequests:
		return errManyRequests
	case n.users[user] >= ofUser:
		return errYourRequests
	}
	if n.users == nil {
		n.users = make(map[string]int)
	}
	n.all++
	n.users[user]++
	return nil
}

func (n *inHand) done(user string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all--
	if n.users[user]--; n.users[user] == 0 {
		delete(n.users, user)
	}
}

func (n *inHand) count() float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return float64(n.all)
}

// Admit counts a request over HTTP against its user's rate, and as one that is in hand until ctx
// ends. It returns a *chat.Error if that is too much. It may be called from any goroutine.
func (h *Hub) Admit(ctx context.Context, user string) error {
	if ok, wait := h.sess.ChargeUser(user); !ok {
		err := rateLimited(wait)
		h.sess.CountError(err)
		return err
	}
	if err := h.requests.begin(user, h.opts.Sends.Pending); err != nil {
		h.metrics.Limited.WithLabelValues("requests").Inc()
		h.sess.CountError(err)
		return err
	}
	context.AfterFunc(ctx, func() { h.requests.done(user) })
	return nil
}
