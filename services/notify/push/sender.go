package push

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/outbound"
)

const (
	// perHost bounds the pushes that are under way to one push service.
	perHost = 4
	// maxWaiting bounds the pushes that wait for one push service, and maxHosts the push services
	// for which some wait.
	maxWaiting = 2000
	maxHosts   = 2000
	// tries bounds the attempts for a push. The first pause between two of them is Config.Pause,
	// and each further one twice as long.
	tries = 7
	// maxPause bounds the pause that a push service may ask for.
	maxPause = time.Hour
	// ending is how long requests under way may take when the sender ends.
	ending = 5 * time.Second
)

// Config says how pushes are sent.
type Config struct {
	Life    time.Duration // how long a push service keeps a push
	Timeout time.Duration // of one request
	Pause   time.Duration // before the second attempt
	AtOnce  int           // requests at a time
	Private bool          // also to private addresses
	Contact string
}

// Deps is what a sender works with.
type Deps struct {
	Keys Keys
	Log  *zap.Logger
	// Done receives the outcome of each push. It is called concurrently.
	Done func(Push, Outcome)
	TLS  *tls.Config // whom to trust; nil: whom the system trusts
}

// Sender sends pushes. Its methods are safe for concurrent use.
type Sender struct {
	cfg    Config
	poster poster
	log    *zap.Logger
	done   func(Push, Outcome)
	wake   chan struct{}

	mu    sync.Mutex
	hosts map[string]*host
	order []string // of hosts; pick looks at the first one first
	under int      // requests that are under way
}

// host is a push service with the pushes that wait for it.
type host struct {
	waiting []*job // ordered by next
	under   int
}

type job struct {
	Push
	next  time.Time // earliest time of the next attempt
	tried int
}

// NewSender returns a sender that does nothing before Run.
func NewSender(cfg Config, deps Deps) *Sender {
	return &Sender{
		cfg: cfg, log: deps.Log, done: deps.Done, wake: make(chan struct{}, 1), hosts: make(map[string]*host),
		poster: poster{client: outbound.Client(cfg.Private, cfg.Timeout, deps.TLS), keys: deps.Keys, contact: cfg.Contact, life: cfg.Life},
	}
}

// Once pushes at once, waits for the answer and does not retry. It also calls Done.
func (s *Sender) Once(ctx context.Context, p Push) (Outcome, error) {
	if err := s.check(p); err != nil {
		s.done(p, Lapsed)
		return Lapsed, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	out, _, err := s.poster.post(ctx, p)
	if out == later {
		out = Failed
	}
	s.done(p, out)
	return out, err
}

func (s *Sender) check(p Push) error { return outbound.Check(p.Device.Endpoint, s.cfg.Private) }

// Send queues a push. It does not wait.
func (s *Sender) Send(p Push) {
	if s.check(p) != nil {
		s.done(p, Lapsed)
		return
	}
	if !s.put(&job{Push: p}, true) {
		s.done(p, Dropped)
		return
	}
	s.kick()
}

// put queues a job. If one with its topic waits already, the fresh one counts. It returns false if
// the queue is full.
func (s *Sender) put(j *job, fresh bool) bool {
	u, err := url.Parse(j.Device.Endpoint)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[u.Host]
	if h == nil {
		if len(s.hosts) >= maxHosts {
			return false
		}
		h = &host{}
		s.hosts[u.Host] = h
		s.order = append(s.order, u.Host)
	}
	for _, other := range h.waiting {
		if j.Topic != "" && other.Topic == j.Topic && other.Device.Session == j.Device.Session {
			if fresh {
				other.Payload, other.Urgent = j.Payload, other.Urgent || j.Urgent
			}
			return true // the fresh one counts
		}
	}
	if len(h.waiting) >= maxWaiting {
		return false
	}
	at, _ := slices.BinarySearchFunc(h.waiting, j, func(a, b *job) int {
		if a.next.After(b.next) {
			return 1
		}
		return -1
	})
	h.waiting = slices.Insert(h.waiting, at, j)
	return true
}

func (s *Sender) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Waiting returns how many pushes wait or are under way.
func (s *Sender) Waiting() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hosts {
		n += len(h.waiting) + h.under
	}
	return n
}

// Run sends pushes until ctx ends, and returns nil. Then requests under way have a moment to
// finish, and Run drops the pushes that wait.
func (s *Sender) Run(ctx context.Context) error {
	defer s.poster.client.CloseIdleConnections()
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var all sync.WaitGroup
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		for {
			j, name := s.pick(time.Now())
			if j == nil {
				break
			}
			all.Go(func() { s.do(work, j, name) })
		}
		timer.Reset(s.pause(time.Now()))
		select {
		case <-ctx.Done():
			end := time.AfterFunc(ending, cancel)
			all.Wait()
			end.Stop()
			return nil
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// pick takes a push that may be sent now, from the host whose turn is longest ago; nil: there is
// none.
func (s *Sender) pick(now time.Time) (*job, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.under >= s.cfg.AtOnce {
		return nil, ""
	}
	for i, name := range s.order {
		h := s.hosts[name]
		if h.under >= perHost || len(h.waiting) == 0 || h.waiting[0].next.After(now) {
			continue
		}
		j := h.waiting[0]
		h.waiting = slices.Delete(h.waiting, 0, 1)
		h.under++
		s.under++
		s.order = append(slices.Delete(s.order, i, i+1), name)
		return j, name
	}
	return nil, ""
}

// pause returns the time until a waiting push may be sent.
func (s *Sender) pause(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	least := time.Hour
	for _, h := range s.hosts {
		if len(h.waiting) > 0 && h.under < perHost {
			least = min(least, max(h.waiting[0].next.Sub(now), time.Millisecond))
		}
	}
	if s.under >= s.cfg.AtOnce {
		return time.Hour // until one has ended
	}
	return least
}

// do makes one attempt to send a push.
func (s *Sender) do(ctx context.Context, j *job, name string) {
	request, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	out, wait, err := s.poster.post(request, j.Push)
	cancel()
	j.tried++
	if out == later && j.tried >= tries {
		out = Failed
	}
	if out == later {
		pause := min(max(wait, s.backoff(j.tried)), maxPause)
		j.next = time.Now().Add(pause)
		s.log.Debug("a push failed and will be retried", zap.String("push service", name), zap.Duration("after", pause), zap.Error(err))
	} else if out == Failed || out == Refused {
		s.log.Info("a push failed for good", zap.String("push service", name), zap.String("outcome", string(out)), zap.Error(err))
	}
	s.mu.Lock()
	s.under--
	h := s.hosts[name]
	h.under--
	s.mu.Unlock()
	switch {
	case out != later:
		s.done(j.Push, out)
	case errors.Is(ctx.Err(), context.Canceled) || !s.put(j, false):
		s.done(j.Push, Dropped)
	}
	s.mu.Lock()
	if h.under == 0 && len(h.waiting) == 0 && s.hosts[name] == h {
		delete(s.hosts, name)
		s.order = slices.DeleteFunc(s.order, func(n string) bool { return n == name })
	}
	s.mu.Unlock()
	s.kick()
}

// backoff returns the pause after a number of attempts, partly random.
func (s *Sender) backoff(tried int) time.Duration {
	d := s.cfg.Pause << min(tried-1, 10)
	return d - time.Duration(rand.Int64N(int64(d)/4+1))
}
