package push

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/outbound"
	"hubbub.internal/services/notify/pushtest"
)

// private stands for the error of a name that resolves to a private address.
const private = -1

// fakeServices are push services that answer what a test says, in the time of its bubble.
type fakeServices struct {
	t      *testing.T
	answer func(r *http.Request) (code int, retryAfter string)

	mu    sync.Mutex
	began time.Time
	at    []time.Duration // when each request arrived
	under map[string]int  // requests under way, by host
	ended []Outcome
	last  string // payload of the push that ended last
}

func (f *fakeServices) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.at = append(f.at, time.Since(f.began))
	f.under[r.URL.Host]++
	f.mu.Unlock()
	code, after := f.answer(r)
	f.mu.Lock()
	f.under[r.URL.Host]--
	f.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if code == private {
		return nil, outbound.ErrPrivate
	}
	return &http.Response{StatusCode: code, Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(bytes.NewReader(nil))}, nil
}

// run runs a sender that posts to f. stop ends it, and returns how long that took.
func (f *fakeServices) run(cfg Config) (s *Sender, stop func() time.Duration) {
	key := pushtest.Keys(f.t)
	f.began, f.under, f.at, f.ended = time.Now(), map[string]int{}, nil, nil
	cfg.Private = true
	s = NewSender(cfg, Deps{Keys: func(context.Context) (directoryapi.PushKey, error) { return key, nil }, Log: zap.NewNop(), Done: func(p Push, out Outcome) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ended, f.last = append(f.ended, out), string(p.Payload)
	}})
	s.poster.client = &http.Client{Transport: f}
	ctx, cancel := context.WithCancel(f.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() time.Duration {
		began := time.Now()
		cancel()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
		return time.Since(began)
	}
}

func (f *fakeServices) is(want ...Outcome) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.ended, want) {
		f.t.Errorf("the outcomes are %v, want %v", f.ended, want)
	}
}

var deviceKey = sync.OnceValue(func() []byte {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return key.PublicKey().Bytes()
})

func to(host, session, payload string) Push {
	return Push{Device: directoryapi.Device{Session: session, Endpoint: "https://" + host + "/" + session, Key: deviceKey(), Secret: make([]byte, 16)}, Payload: []byte(payload)}
}

// TestPausesBetweenTries: each pause is twice as long as the one before, or as long as the push
// service says, but no longer than an hour.
func TestPausesBetweenTries(t *testing.T) {
	for after, pause := range map[string]func(tried int) (least, most time.Duration){
		"":     func(tried int) (least, most time.Duration) { return 6 * time.Second << tried, 8 * time.Second << tried },
		"1000": func(int) (least, most time.Duration) { return 1000 * time.Second, 1000 * time.Second },
		"7200": func(int) (least, most time.Duration) { return time.Hour, time.Hour },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeServices{t: t, answer: func(*http.Request) (int, string) { return http.StatusServiceUnavailable, after }}
			s, stop := f.run(Config{Pause: 8 * time.Second, Timeout: time.Minute, AtOnce: 10})
			s.Send(to("a.example", "s", "x"))
			time.Sleep(10 * time.Hour)
			stop()
			f.is(Failed)
			if len(f.at) != tries {
				t.Errorf("tried %d times", len(f.at))
			}
			for i := 1; i < len(f.at); i++ {
				if least, most := pause(i - 1); f.at[i]-f.at[i-1] < least || f.at[i]-f.at[i-1] > most {
					t.Errorf("Retry-After %q: tried at %v", after, f.at)
				}
			}
		})
	}
}

// TestRequestWithoutAnswer: the sender ends a request after the timeout, and retries it.
func TestRequestWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServices{t: t}
		f.answer = func(r *http.Request) (int, string) {
			if len(f.at) == 1 {
				<-r.Context().Done()
			}
			return http.StatusOK, ""
		}
		s, stop := f.run(Config{Pause: 8 * time.Second, Timeout: 10 * time.Second, AtOnce: 10})
		s.Send(to("a.example", "s", "x"))
		time.Sleep(time.Minute)
		stop()
		f.is(Sent)
		if len(f.at) != 2 || f.at[1] < 16*time.Second || f.at[1] > 18*time.Second {
			t.Errorf("tried at %v", f.at)
		}
	})
}

// TestRetryAfterANewerPush: of one topic the newer push is sent, even if the older one failed and
// would be retried.
func TestRetryAfterANewerPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServices{t: t}
		f.answer = func(*http.Request) (int, string) {
			if len(f.at) > 1 {
				return http.StatusOK, ""
			}
			time.Sleep(time.Second)
			return http.StatusServiceUnavailable, ""
		}
		s, stop := f.run(Config{Pause: 8 * time.Second, Timeout: time.Minute, AtOnce: 1})
		for _, payload := range []string{"old", "new"} {
			p := to("a.example", "s", payload)
			p.Topic = "t"
			s.Send(p)
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		stop()
		if f.is(Sent); f.last != "new" {
			t.Errorf("the push sent is %s", f.last)
		}
	})
}

// TestTurnsOfPushServices: the sender bounds its requests at a time, in all and to each push
// service, and takes the push services in turn.
func TestTurnsOfPushServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := &fakeServices{t: t, answer: func(*http.Request) (int, string) { <-release; return http.StatusAccepted, "" }}
		s, stop := f.run(Config{Timeout: time.Hour, AtOnce: 6})
		is := func(want map[string]int) {
			t.Helper()
			synctest.Wait()
			f.mu.Lock()
			defer f.mu.Unlock()
			maps.DeleteFunc(f.under, func(_ string, n int) bool { return n == 0 })
			if !maps.Equal(f.under, want) {
				t.Errorf("requests under way: %v, want %v", f.under, want)
			}
		}
		for i := range 10 {
			s.Send(to("a.example", fmt.Sprint(i), "x"))
		}
		is(map[string]int{"a.example": perHost})
		// One after the other: the second of b could be sent before c has any.
		for _, id := range []string{"1", "2"} {
			for _, host := range []string{"b.example", "c.example"} {
				s.Send(to(host, id, "x"))
				synctest.Wait()
			}
		}
		is(map[string]int{"a.example": perHost, "b.example": 1, "c.example": 1})
		for range 14 {
			release <- struct{}{}
			synctest.Wait()
		}
		is(map[string]int{})
		if s.Waiting() != 0 || len(s.hosts)+len(s.order) != 0 {
			t.Errorf("%d wait, for %v", s.Waiting(), s.order)
		}
		stop()
		if len(f.ended) != 14 {
			t.Errorf("the outcomes are %v", f.ended)
		}
	})
}

// TestStopWaitsForRequests: the sender waits a while for requests under way, and reports their
// outcomes.
func TestStopWaitsForRequests(t *testing.T) {
	for name, tt := range map[string]struct {
		takes, want time.Duration
		code        int
		out         Outcome
	}{
		"soon":          {time.Second, time.Second, http.StatusOK, Sent},
		"never":         {time.Hour, ending, http.StatusOK, Dropped},
		"refused, soon": {time.Second, time.Second, http.StatusForbidden, Refused},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeServices{t: t, answer: func(r *http.Request) (int, string) {
					select {
					case <-r.Context().Done():
					case <-time.After(tt.takes):
					}
					return tt.code, ""
				}}
				s, stop := f.run(Config{Pause: time.Second, Timeout: time.Minute, AtOnce: 1})
				s.Send(to("a.example", "s", "x"))
				synctest.Wait()
				if took := stop(); took != tt.want {
					t.Errorf("it took %s", took)
				}
				f.is(tt.out)
			})
		})
	}
}

// TestWaitingPushes: pushes are ordered by time; a retry does not replace a newer push, and a push
// stays urgent; the queues of a push service, and their number, are bounded.
func TestWaitingPushes(t *testing.T) {
	now := time.Now()
	s := NewSender(Config{AtOnce: 1, Private: true}, Deps{Log: zap.NewNop(), Done: func(Push, Outcome) {}})
	topic := func(payload string, urgent bool) *job {
		p := to("a.example", "s", payload)
		p.Topic, p.Urgent = "t", urgent
		return &job{Push: p}
	}
	for _, j := range []*job{topic("new", true), topic("newer", false)} {
		if !s.put(j, true) {
			t.Fatal("a push is dropped")
		}
	}
	if !s.put(topic("tried", false), false) {
		t.Error("a push that a newer one replaces counts as dropped")
	}
	h := s.hosts["a.example"]
	if len(h.waiting) != 1 || string(h.waiting[0].Payload) != "newer" || !h.waiting[0].Urgent {
		t.Errorf("%d pushes wait, the first is %+v", len(h.waiting), h.waiting[0])
	}
	for _, after := range []time.Duration{3, 1, 2, 1} {
		s.put(&job{Push: to("a.example", "s", fmt.Sprint(int(after))), next: now.Add(after * time.Second)}, true)
	}
	var order []string
	for _, j := range h.waiting {
		order = append(order, string(j.Payload))
	}
	if fmt.Sprint(order) != "[newer 1 1 2 3]" {
		t.Errorf("the order is %v", order)
	}

	if got := s.pause(now); got != time.Millisecond {
		t.Errorf("with a push that is due it sleeps %s", got)
	}
	h.waiting = h.waiting[1:]
	if got := s.pause(now); got != time.Second {
		t.Errorf("it sleeps %s until the next", got)
	}
	h.under = perHost
	if got := s.pause(now); got != time.Hour {
		t.Errorf("with all requests to a push service under way it sleeps %s", got)
	}
	h.under, s.under = 1, 1
	if got := s.pause(now); got != time.Hour {
		t.Errorf("with all requests under way it sleeps %s", got)
	}

	for len(h.waiting) < maxWaiting {
		if !s.put(&job{Push: to("a.example", "s", "x")}, true) {
			t.Fatalf("with %d waiting pushes a further one is dropped", len(h.waiting))
		}
	}
	if s.put(&job{Push: to("a.example", "s", "x")}, true) {
		t.Error("too many pushes wait for one push service")
	}
	for i := 1; i < maxHosts; i++ {
		if !s.put(&job{Push: to(fmt.Sprint("h", i), "s", "x")}, true) {
			t.Fatalf("with %d push services a further one is refused", len(s.hosts))
		}
	}
	if s.put(&job{Push: to("another", "s", "x")}, true) {
		t.Error("there are too many push services")
	}
}

// TestOnce: Once reports its outcome to Done and returns it, and never returns later.
func TestOnce(t *testing.T) {
	code := http.StatusOK
	f := &fakeServices{t: t, under: map[string]int{}, answer: func(*http.Request) (int, string) { return code, "" }}
	var outcomes []Outcome
	fail := errors.New("no key")
	key := pushtest.Keys(t)
	s := NewSender(Config{Timeout: time.Minute}, Deps{
		Keys: func(context.Context) (directoryapi.PushKey, error) {
			if code == 0 {
				return directoryapi.PushKey{}, fail
			}
			return key, nil
		},
		Log: zap.NewNop(), Done: func(_ Push, out Outcome) { outcomes = append(outcomes, out) },
	})
	s.poster.client = &http.Client{Transport: f}
	for c, want := range map[int]Outcome{200: Sent, 201: Sent, 202: Sent, 300: Refused, 404: Lapsed, 429: Failed, 500: Failed, 503: Failed, private: Lapsed, 0: Failed} {
		code = c
		if out, err := s.Once(t.Context(), to("push.example", "s", "x")); out != want || (err == nil) != (want == Sent) || c == 0 && !errors.Is(err, fail) {
			t.Errorf("%d: %s, %v", c, out, err)
		}
		if len(outcomes) != 1 || outcomes[0] != want {
			t.Errorf("%d: the outcomes are %v", c, outcomes)
		}
		outcomes = nil
	}
	if out, err := s.Once(t.Context(), to("127.0.0.1", "s", "x")); out != Lapsed || err == nil || len(outcomes) != 1 || outcomes[0] != Lapsed {
		t.Errorf("to this machine: %s, %v, the outcomes are %v", out, err, outcomes)
	}
}
