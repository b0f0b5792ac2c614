package clocks

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/bus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a bus that takes some time to deliver.
type wire struct {
	delay func() time.Duration

	mu   sync.Mutex
	subs []func([]byte)
	away bool
}

func (l *wire) Publish(_ string, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, handle := range l.subs {
		if d := l.delay(); d > 0 {
			time.AfterFunc(d, func() { handle(data) })
		} else {
			handle(data)
		}
	}
	return nil
}

func (l *wire) Subscribe(_ context.Context, _ string, handle func([]byte)) (bus.Subscription, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return nil, bus.ErrUnavailable
	}
	l.subs = append(l.subs, handle)
	return stopped{}, nil
}

type stopped struct{}

func (stopped) Stop() {}

// process is one with a clock that is off by so much.
type process struct {
	*Watch
	off    atomic.Int64 // ns
	logged *observer.ObservedLogs
	gauges *prometheus.Registry
}

func (l *wire) process(name string, off time.Duration) *process {
	core, logged := observer.New(zapcore.InfoLevel)
	p := &process{logged: logged, gauges: prometheus.NewRegistry()}
	p.Watch = New(l, name, zap.New(core), p.gauges)
	p.off.Store(int64(off))
	p.now = func() time.Time { return time.Now().Add(time.Duration(p.off.Load())) }
	return p
}

// warnings returns what a process said, and forgets it.
func (p *process) warnings() []string {
	var all []string
	for _, e := range p.logged.TakeAll() {
		all = append(all, fmt.Sprint(e.Message, " ", e.ContextMap()))
	}
	return all
}

func (p *process) gauge(t *testing.T, name string) float64 {
	t.Helper()
	all, err := p.gauges.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.GetName() == "hubbub_clock_"+name {
			return m.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// run makes processes tell each other the time for so long.
func run(t *testing.T, d time.Duration, all ...*process) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for _, p := range all {
		wait.Go(func() {
			if err := p.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(d)
	cancel()
	wait.Wait()
	time.Sleep(time.Minute) // until nothing is on its way
}

func at(delay time.Duration) func() time.Duration { return func() time.Duration { return delay } }

// TestAway: one clock is away: both sides say so, by how much, and where.
func TestAway(t *testing.T) {
	for _, tt := range []struct {
		off, delay time.Duration
		ahead      time.Duration // that who is behind sees; 0: nobody says anything
	}{
		{11 * time.Second, time.Millisecond, 11 * time.Second},
		{-11 * time.Second, time.Millisecond, 11 * time.Second},
		{11 * time.Second, 3 * time.Second, 8 * time.Second},
		{6 * time.Second, 0, 6 * time.Second},
		{time.Hour, time.Millisecond, time.Hour},
		{4900 * time.Millisecond, 0, 0},
		{-4900 * time.Millisecond, 0, 0},
		// Nobody blames a clock for a bus that is slow.
		{0, 25 * time.Second, 0},
		{4900 * time.Millisecond, 25 * time.Second, 0},
		{-4900 * time.Millisecond, 25 * time.Second, 0},
		{11 * time.Second, 7 * time.Second, 0},
	} {
		t.Run(fmt.Sprint(tt.off, " over ", tt.delay), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &wire{delay: at(tt.delay)}
				edge, directory := l.process("edge", 0), l.process("directory", tt.off)
				run(t, 55*time.Second, edge, directory)
				behind, ahead := edge, directory
				if tt.off < 0 {
					behind, ahead = directory, edge
				}
				for _, p := range []struct {
					who, other *process
					where      string
				}{{behind, ahead, "ahead of ours"}, {ahead, behind, "behind ours"}} {
					said := p.who.warnings()
					if tt.ahead == 0 {
						if len(said) != 0 {
							t.Errorf("%s says %q", p.who.name, said)
						}
						continue
					}
					want := fmt.Sprintf("%s: %s %s", p.other.name, tt.ahead.Round(100*time.Millisecond), p.where)
					if len(said) != 1 || !strings.Contains(said[0], want) || !strings.Contains(said[0], "NTP") {
						t.Errorf("%s says %q, want %q", p.who.name, said, want)
					}
				}
			})
		})
	}
}

// TestSlowAtTimes has a bus that is frozen now and then, and processes that are: nobody blames a
// clock.
func TestSlowAtTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &wire{}
		n := 0
		l.delay = func() time.Duration { n++; return time.Duration(n*n%37) * time.Second }
		edge, history := l.process("edge", 0), l.process("history", 3*time.Second)
		run(t, time.Hour, edge, history)
		if said := append(edge.warnings(), history.warnings()...); len(said) != 0 {
			t.Errorf("they say %q", said)
		}
		if edge.gauge(t, "others_ahead_seconds") > 3 || history.gauge(t, "others_behind_seconds") > 3 {
			t.Error("the clocks differ by more than they do")
		}
	})
}

// TestMetrics reads them while a clock is away, and after it was set.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &wire{delay: at(0)}
		edge, directory := l.process("edge", 0), l.process("directory", 11*time.Second)
		want := func(p *process, name string, value float64) {
			t.Helper()
			if got := p.gauge(t, name); math.Abs(got-value) > 0.01 {
				t.Errorf("%s of %s is %v, want %v", name, p.name, got, value)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() { _ = edge.Run(ctx) })
		wait.Go(func() { _ = directory.Run(ctx) })
		time.Sleep(35 * time.Second)
		want(edge, "others", 1)
		want(edge, "others_ahead_seconds", 11)
		want(edge, "others_behind_seconds", 0)
		want(directory, "others_ahead_seconds", 0)
		want(directory, "others_behind_seconds", 11)
		directory.off.Store(int64(time.Second / 2))
		time.Sleep(25 * time.Second)
		want(edge, "others_ahead_seconds", 0.5)
		want(directory, "others_behind_seconds", 0) // it is not worth telling
		cancel()
		wait.Wait()
		time.Sleep(expiry)
		want(edge, "others", 0)
	})
}

// TestRarely: a clock is away for some hours.
func TestRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &wire{delay: at(0)}
		edge, directory := l.process("edge", 0), l.process("directory", time.Minute)
		run(t, 4*time.Hour, edge, directory)
		for _, p := range []*process{edge, directory} {
			if n := len(p.warnings()); n < 4 || n > 24 {
				t.Errorf("%s warns %d times in 4 hours", p.name, n)
			}
		}
	})
}

// TestOurs: one of several clocks is away: that process says that it is its own, and the others
// name it.
func TestOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &wire{delay: at(0)}
		wrong := l.process("presence", -20*time.Second)
		all := []*process{wrong, l.process("edge", 0), l.process("history", time.Second), l.process("directory", 0)}
		run(t, 55*time.Second, all...)
		for _, p := range all {
			said := strings.Join(p.warnings(), "\n")
			if ours := strings.Contains(said, "this machine's clock"); ours != (p == wrong) {
				t.Errorf("%s says %q", p.name, said)
			}
			if p != wrong && (!strings.Contains(said, "presence on ") || strings.Contains(said, "directory on ")) {
				t.Errorf("%s names others than the one: %q", p.name, said)
			}
		}
	})
}

// TestBusAway starts without the bus, and hears the others when it is there.
func TestBusAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &wire{delay: at(0), away: true}
		edge, directory := l.process("edge", 0), l.process("directory", time.Minute)
		time.AfterFunc(time.Minute, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.away = false
		})
		run(t, 2*time.Minute, edge, directory)
		if len(edge.warnings()) != 1 || len(directory.warnings()) != 1 {
			t.Error("a clock that is away is not warned of")
		}
	})
}

// TestGarbage: somebody else speaks on the channel, as a newer release might, or without end.
func TestGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := (&wire{delay: at(0)}).process("edge", 0)
		for _, data := range []string{
			"", "x", "[]", `{"id":"a b","at":1}`, `{"id":"a"}`, `{"id":"a","at":"now"}`, `{"id":"a","at":-5}`, `{"id":"a","at":1e300}`,
			`{"id":"a","at":1,"ahead":[]}`, fmt.Sprintf(`{"id":%q,"at":1}`, w.id),
		} {
			w.receive([]byte(data))
		}
		if len(w.others) != 0 {
			t.Errorf("taken: %v", w.others)
		}
		w.receive([]byte(`{"id":"a","at":9007199254740991,"name":"` + strings.Repeat("n", 1<<16) + `","newer":{},"ahead":{"b":1}}`))
		if len(w.others["a"].name) > maxName {
			t.Error("a name of any length is kept")
		}
		for i := range 2 * maxOthers {
			w.receive(fmt.Appendf(nil, `{"id":"x%d","at":1}`, i))
		}
		if len(w.others) > maxOthers {
			t.Errorf("%d others are kept", len(w.others))
		}
		w.look()
		w.look() // with a clock that says anything
		if len(w.warnings()) != 1 {
			t.Error("a clock that is away is not warned of")
		}
	})
}
