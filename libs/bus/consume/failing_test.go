package consume

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/measure"
)

var errServer = errors.New("the server is away")

// failingPartition is one of which some calls fail.
type failingPartition struct {
	fakePartition
	failing map[string]int // so often each
	begun   []time.Time
	slow    time.Duration // of Release
}

func (p *failingPartition) fails(call string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failing[call] > 0 {
		p.failing[call]--
		return errServer
	}
	return nil
}

func (p *failingPartition) Begin(ctx context.Context) error {
	p.mu.Lock()
	p.begun = append(p.begun, time.Now())
	p.mu.Unlock()
	_ = p.fakePartition.Begin(ctx)
	return p.fails("begin")
}

func (p *failingPartition) Next(ctx context.Context, stop <-chan struct{}) ([]driver.Entry, *driver.Letter, error) {
	if err := p.fails("next"); err != nil {
		return nil, nil, err
	}
	return p.fakePartition.Next(ctx, stop)
}

func (p *failingPartition) Commit(ctx context.Context) error {
	_ = p.fakePartition.Commit(ctx)
	return p.fails("commit")
}

func (p *failingPartition) Handled(ctx context.Context, e driver.Entry, failed error) error {
	if failed != nil {
		_ = p.fakePartition.Handled(ctx, e, failed)
	}
	return p.fails("handled")
}

func (p *failingPartition) Redriven(ctx context.Context, l *driver.Letter, failed error) error {
	if failed != nil {
		p.note("parked again")
	}
	_ = p.fakePartition.Redriven(ctx, l, failed)
	return p.fails("redriven")
}

func (p *failingPartition) Release() {
	time.Sleep(p.slow)
	p.fakePartition.Release()
}

// member runs one that reads p until the returned function is called, which waits for its end.
func member(t *testing.T, p *failingPartition, handle func([]driver.Entry) error) (m measure.Bus, end func()) {
	t.Helper()
	g := &fakeGroup{}
	g.refresh = func() (<-chan struct{}, error) {
		if !g.held.Has(p.number) {
			g.held.Assign(p)
		}
		return nil, nil
	}
	m = measure.New(prometheus.NewRegistry(), "fake")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, g, "group", Options{
			Handle: func(_ context.Context, batch []driver.Entry) error { return handle(batch) },
			Log:    zap.NewNop(), Metrics: m, Every: time.Hour,
		})
	}()
	return m, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if !g.left {
			t.Error("it has not left its group")
		}
	}
}

// TestPartitionThatFails: whichever call for a partition fails, it is begun again from what was
// acknowledged, and what is counted is what the driver has written.
func TestPartitionThatFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		call, entry      string
		bad              bool // the handler fails on it
		calls            []string
		consumed, parked float64
	}{
		// A fake partition does not hand out again what was not acknowledged.
		{call: "begin", entry: "a", calls: []string{"begin", "begin", "commit"}, consumed: 1},
		{call: "next", entry: "a", calls: []string{"begin", "end", "begin", "commit"}, consumed: 1},
		{call: "commit", entry: "a", calls: []string{"begin", "commit", "end", "begin"}},
		{call: "handled", entry: "a", bad: true, calls: []string{"begin", "parked a", "end", "begin"}},
		{call: "redriven", entry: "letter", calls: []string{"begin", "redriven letter", "end", "begin"}},
		{call: "none", entry: "a", bad: true, calls: []string{"begin", "parked a", "commit"}, consumed: 1, parked: 1},
		{call: "none", entry: "letter", calls: []string{"begin", "redriven letter"}, consumed: 1},
		{call: "none", entry: "letter", bad: true, calls: []string{"begin", "parked again", "redriven letter"}, parked: 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &failingPartition{failing: map[string]int{c.call: 1}}
			p.entries = make(chan driver.Entry)
			m, end := member(t, p, func([]driver.Entry) error {
				if c.bad {
					return errors.New("a bad entry")
				}
				return nil
			})
			p.entries <- driver.Entry{ID: c.entry}
			time.Sleep(time.Minute)
			if got := p.noted(); !slices.Equal(got, c.calls) {
				t.Errorf("%s fails (%s): %v, want %v", c.call, c.entry, got, c.calls)
			}
			if n, of := testutil.ToFloat64(m.Consumed), testutil.ToFloat64(m.Parked); n != c.consumed || of != c.parked {
				t.Errorf("%s fails (%s): %v are counted as consumed, %v as parked", c.call, c.entry, n, of)
			}
			end()
			if got := p.noted(); !slices.Equal(got[len(c.calls):], []string{"end", "release"}) {
				t.Errorf("at the end: %v", got[len(c.calls):])
			}
		})
	}
}

// TestPartitionIsBegunAgainSlowly: a partition that keeps failing is begun again after pauses that
// grow to a second, and soon again when a batch was acknowledged in between.
func TestPartitionIsBegunAgainSlowly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &failingPartition{failing: map[string]int{"begin": 7}}
		p.entries = make(chan driver.Entry)
		_, end := member(t, p, func([]driver.Entry) error { return nil })
		p.entries <- driver.Entry{ID: "a"}
		synctest.Wait()
		p.mu.Lock()
		p.failing["next"], p.failing["begin"] = 1, 1
		p.mu.Unlock()
		p.entries <- driver.Entry{ID: "b"} // after which Next fails
		time.Sleep(time.Minute)
		p.mu.Lock()
		begun := slices.Clone(p.begun)
		p.mu.Unlock()
		var pauses []time.Duration
		for i := 1; i < len(begun); i++ {
			pauses = append(pauses, begun[i].Sub(begun[i-1])/time.Millisecond)
		}
		if want := []time.Duration{50, 100, 200, 400, 800, 1000, 1000, 50, 100}; !slices.Equal(pauses, want) {
			t.Errorf("begun again after %d ms, want %d", pauses, want)
		}
		end()
	})
}

// TestMemberWaitsForItsPartitions: a member has ended, and has left its group, only when its
// partitions were released.
func TestMemberWaitsForItsPartitions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &failingPartition{slow: time.Minute}
		p.entries = make(chan driver.Entry)
		_, end := member(t, p, func([]driver.Entry) error { return nil })
		synctest.Wait()
		end()
		if got := p.noted(); got[len(got)-1] != "release" {
			t.Errorf("ended after %v", got)
		}
	})
}

// TestEndOfABadBatch: a partition that is given up, or a member that ends, while a batch fails for
// good parks nothing: whoever reads it next has its own tries.
func TestEndOfABadBatch(t *testing.T) {
	t.Parallel()
	for _, given := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := &failingPartition{}
			p.entries = make(chan driver.Entry)
			var calls atomic.Int32
			g := &fakeGroup{}
			g.refresh = func() (<-chan struct{}, error) { g.held.Assign(p); return nil, nil }
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() {
				ended <- Run(ctx, g, "group", Options{
					Handle: func(context.Context, []driver.Entry) error { calls.Add(1); return errors.New("a bad entry") },
					Log:    zap.NewNop(), Metrics: measure.New(nil, "fake"), Every: time.Hour,
				})
			}()
			p.entries <- driver.Entry{ID: "a"}
			synctest.Wait()
			if given {
				g.held.GiveUp(0, func(driver.Partition) {})
			} else {
				cancel()
			}
			synctest.Wait()
			if got := p.noted(); !slices.Equal(got, []string{"begin", "end", "release"}) {
				t.Errorf("given up (%v): %v", given, got)
			}
			if n := calls.Load(); n != 1 {
				t.Errorf("given up (%v): handed over %d times", given, n)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCannotJoin: who cannot join a group is told so.
func TestCannotJoin(t *testing.T) {
	t.Parallel()
	if err := Run(t.Context(), noGroup{}, "group", Options{Log: zap.NewNop()}); !errors.Is(err, errServer) {
		t.Error(err)
	}
}

type noGroup struct{}

func (noGroup) Join(context.Context, string, driver.Held) (driver.Member, error) {
	return nil, errServer
}
