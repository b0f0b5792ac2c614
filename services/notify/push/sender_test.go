package push_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/notify/push"
	"hubbub.internal/services/notify/pushtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outcomes records the outcomes of pushes, by session.
type outcomes struct {
	mu  sync.Mutex
	all map[string][]push.Outcome
	new chan struct{}
}

func (o *outcomes) done(p push.Push, out push.Outcome) {
	o.mu.Lock()
	o.all[p.Device.Session] = append(o.all[p.Device.Session], out)
	o.mu.Unlock()
	o.new <- struct{}{}
}

func (o *outcomes) wait(t *testing.T, session string, want ...push.Outcome) {
	t.Helper()
	for {
		o.mu.Lock()
		got := fmt.Sprint(o.all[session])
		n := len(o.all[session])
		o.mu.Unlock()
		if n >= len(want) {
			if got != fmt.Sprint(want) {
				t.Errorf("the outcomes of %s are %v, want %v", session, got, want)
			}
			return
		}
		select {
		case <-o.new:
		case <-time.After(time.Minute):
			t.Fatalf("the outcomes of %s are %v, want %v", session, got, want)
		}
	}
}

func start(t *testing.T, s *pushtest.Server, change func(*push.Config)) (*push.Sender, *outcomes) {
	t.Helper()
	cfg := push.Config{Life: time.Hour, Timeout: time.Minute, AtOnce: 100, Private: true, Contact: "op@chat.example"}
	if change != nil {
		change(&cfg)
	}
	key, o := pushtest.Keys(t), &outcomes{all: map[string][]push.Outcome{}, new: make(chan struct{}, 10_000)}
	sender := push.NewSender(cfg, push.Deps{
		Keys: func(context.Context) (directoryapi.PushKey, error) { return key, nil }, Log: zap.NewNop(), Done: o.done, TLS: s.Trust(),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sender.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return sender, o
}

func TestPushArrivesSignedAndEncrypted(t *testing.T) {
	s := pushtest.New(t)
	sender, o := start(t, s, nil)
	sender.Send(push.Push{User: "ann", Device: s.Device("s1"), Payload: []byte(`{"a":"ü"}`), Topic: "t1", Urgent: true})
	if got, want := s.Next(), (pushtest.Got{Session: "s1", Payload: `{"a":"ü"}`, TTL: "3600", Urgency: "high", Topic: "t1"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	o.wait(t, "s1", push.Sent)
	long := make([]byte, push.MaxPayload)
	for i := range long {
		long[i] = 'x'
	}
	sender.Send(push.Push{User: "ann", Device: s.Device("s2"), Payload: long})
	if got := s.Next(); got.Payload != string(long) || got.Urgency != "normal" || got.Topic != "" {
		t.Errorf("got %d bytes, %s", len(got.Payload), got.Urgency)
	}
}

func TestAnswersOfPushServices(t *testing.T) {
	s := pushtest.New(t)
	sender, o := start(t, s, nil)
	s.Answer(func(session string, w http.ResponseWriter) bool {
		code, _ := strconv.Atoi(session[1:4])
		w.WriteHeader(code)
		return true
	})
	for session, want := range map[string]push.Outcome{
		"s404": push.Lapsed, "s410": push.Lapsed, "s400": push.Refused, "s403": push.Refused, "s413": push.Refused, "s302": push.Refused,
	} {
		sender.Send(push.Push{Device: s.Device(session), Payload: []byte("x")})
		o.wait(t, session, want)
	}
	if out, err := sender.Once(t.Context(), push.Push{Device: s.Device("s503"), Payload: []byte("x")}); out != push.Failed || err == nil {
		t.Errorf("once: %s, %v", out, err)
	}
}

// TestPrivateAddressesAreNotPushedTo: no push goes to a private address unless the operator allows
// that.
func TestPrivateAddressesAreNotPushedTo(t *testing.T) {
	s := pushtest.New(t)
	sender, o := start(t, s, func(c *push.Config) { c.Private = false })
	sender.Send(push.Push{Device: s.Device("s1"), Payload: []byte("x")})
	o.wait(t, "s1", push.Lapsed)
	plain := s.Device("s3")
	plain.Endpoint = "http://push.example/x"
	sender.Send(push.Push{Device: plain, Payload: []byte("x")})
	o.wait(t, "s3", push.Lapsed)
	if len(s.Got) != 0 {
		t.Error("something arrived")
	}
}

// TestTemporaryRefusalIsRetried: the sender retries until the push service accepts the push, or the
// last retry has failed.
func TestTemporaryRefusalIsRetried(t *testing.T) {
	s := pushtest.New(t)
	sender, o := start(t, s, func(c *push.Config) { c.Pause = time.Microsecond })
	var calls atomic.Int32
	s.Answer(func(session string, w http.ResponseWriter) bool {
		if session == "s1" && calls.Add(1) > 3 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	sender.Send(push.Push{Device: s.Device("s1"), Payload: []byte("x"), Topic: "t"})
	sender.Send(push.Push{Device: s.Device("s2"), Payload: []byte("y"), Topic: "t"})
	if got := s.Next(); got.Session != "s1" || got.Payload != "x" || calls.Load() != 4 {
		t.Errorf("%+v arrived after %d tries", got, calls.Load())
	}
	o.wait(t, "s1", push.Sent)
	o.wait(t, "s2", push.Failed)
}

// TestLaterPushReplacesOneThatWaits: it replaces a push of the same topic and device.
func TestLaterPushReplacesOneThatWaits(t *testing.T) {
	s := pushtest.New(t)
	sender, _ := start(t, s, nil)
	release, begun := make(chan struct{}), make(chan struct{}, 10)
	s.Answer(func(session string, w http.ResponseWriter) bool {
		if session != "busy" {
			return false
		}
		begun <- struct{}{}
		<-release
		w.WriteHeader(http.StatusGone)
		return true
	})
	busy := s.Device("busy")
	for range 4 { // as many as may be under way
		sender.Send(push.Push{Device: busy, Payload: []byte("x")})
	}
	for range 4 {
		<-begun
	}
	one, two := s.Device("s1"), s.Device("s2")
	sender.Send(push.Push{Device: one, Payload: []byte("1 new"), Topic: "t"})
	sender.Send(push.Push{Device: two, Payload: []byte("other"), Topic: "t"})
	sender.Send(push.Push{Device: one, Payload: []byte("2 new"), Topic: "t", Urgent: true})
	sender.Send(push.Push{Device: one, Payload: []byte("more"), Topic: "u"})
	if n := sender.Waiting(); n != 7 {
		t.Errorf("%d wait", n)
	}
	close(release)
	got := map[string]bool{}
	for range 3 {
		g := s.Next()
		got[g.Session+" "+g.Payload+" "+g.Urgency] = true
	}
	if !got["s1 2 new high"] || !got["s2 other normal"] || !got["s1 more normal"] {
		t.Errorf("these arrived: %v", got)
	}
}

// TestSlowPushServiceHoldsUpNoOther: a push service that does not answer has a queue of its own.
func TestSlowPushServiceHoldsUpNoOther(t *testing.T) {
	slow, quick := pushtest.New(t), pushtest.New(t)
	release := make(chan struct{})
	slow.Answer(func(string, http.ResponseWriter) bool { <-release; return false })
	trust := quick.Trust()
	trust.RootCAs.AddCert(slow.Certificate())
	key, o := pushtest.Keys(t), &outcomes{all: map[string][]push.Outcome{}, new: make(chan struct{}, 10_000)}
	sender := push.NewSender(push.Config{Life: time.Hour, Timeout: time.Minute, AtOnce: 8, Private: true, Contact: "op@chat.example"}, push.Deps{
		Keys: func(context.Context) (directoryapi.PushKey, error) { return key, nil }, Log: zap.NewNop(), Done: o.done, TLS: trust,
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sender.Run(ctx) }()
	for i := range 3000 {
		session := "slow" + strconv.Itoa(i)
		device := directoryapi.Device{Session: session, Endpoint: slow.URL + "/" + session}
		if i < 10 {
			device = slow.Device(session)
		}
		sender.Send(push.Push{Device: device, Payload: []byte("x")})
	}
	for i := range 20 {
		sender.Send(push.Push{Device: quick.Device("quick" + strconv.Itoa(i)), Payload: []byte("x")})
	}
	for range 20 {
		quick.Next()
	}
	o.mu.Lock()
	dropped := 0
	for _, all := range o.all {
		if all[0] == push.Dropped {
			dropped++
		}
	}
	o.mu.Unlock()
	if dropped < 900 || dropped > 1000 {
		t.Errorf("%d were dropped of 3000", dropped)
	}
	close(release)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
