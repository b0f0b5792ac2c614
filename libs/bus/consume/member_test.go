package consume

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/measure"
)

// fakeGroup is a driver of one group with one member, and the member.
type fakeGroup struct {
	held    driver.Held
	refresh func() (<-chan struct{}, error)
	left    bool
}

func (g *fakeGroup) Join(_ context.Context, _ string, held driver.Held) (driver.Member, error) {
	g.held = held
	return g, nil
}

func (g *fakeGroup) Refresh(context.Context) (<-chan struct{}, error) { return g.refresh() }
func (g *fakeGroup) Leave()                                           { g.left = true }

// fakePartition is one whose entries a test sends.
type fakePartition struct {
	number  int
	entries chan driver.Entry
	lose    bool // on Commit

	mu    sync.Mutex
	calls []string
}

func (p *fakePartition) note(call string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, call)
}

func (p *fakePartition) noted() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

func (p *fakePartition) Number() int                 { return p.number }
func (p *fakePartition) Begin(context.Context) error { p.note("begin"); return nil }
func (p *fakePartition) End()                        { p.note("end") }
func (p *fakePartition) Release()                    { p.note("release") }

func (p *fakePartition) Next(ctx context.Context, stop <-chan struct{}) ([]driver.Entry, *driver.Letter, error) {
	select {
	case e := <-p.entries:
		if e.ID == "letter" {
			return nil, &driver.Letter{DeadLetter: driver.DeadLetter{Entry: e}}, nil
		}
		return []driver.Entry{e}, nil, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	case <-stop:
		return nil, nil, errors.New("given up")
	}
}

func (p *fakePartition) Commit(context.Context) error {
	if p.note("commit"); p.lose {
		return driver.ErrLost
	}
	return nil
}

func (p *fakePartition) Handled(_ context.Context, e driver.Entry, failed error) error {
	p.note("parked " + e.ID)
	return nil
}

func (p *fakePartition) Redriven(_ context.Context, l *driver.Letter, _ error) error {
	p.note("redriven " + l.Entry.ID)
	return nil
}

// TestMember: a member reads the partitions that the driver takes for it, gives up those that are
// more than its share, and releases all when it ends, but for one that it has lost.
func TestMember(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all []*fakePartition
		for n := range 4 {
			all = append(all, &fakePartition{number: n, entries: make(chan driver.Entry)})
		}
		wake := make(chan struct{})
		looks := 0
		g := &fakeGroup{}
		g.refresh = func() (<-chan struct{}, error) {
			if looks++; looks == 1 {
				for _, p := range all {
					g.held.Assign(p)
				}
				return wake, errors.New("some are another's")
			}
			return nil, nil
		}
		var handled []driver.Entry
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- Run(ctx, g, "group", Options{
				Handle: func(_ context.Context, batch []driver.Entry) error { handled = append(handled, batch...); return nil },
				Log:    zap.NewNop(), Metrics: measure.New(nil, "fake"), Every: time.Hour,
			})
		}()
		synctest.Wait()
		all[0].entries <- driver.Entry{ID: "a"}
		all[0].entries <- driver.Entry{ID: "letter"}
		synctest.Wait()
		if want := []string{"begin", "commit", "redriven letter"}; !slices.Equal(all[0].noted(), want) {
			t.Errorf("the driver is asked for %v, want %v", all[0].noted(), want)
		}
		if len(handled) != 2 || handled[0].Redriven || !handled[1].Redriven {
			t.Errorf("the handler got %+v", handled)
		}
		close(wake)
		time.Sleep(time.Minute) // and not the hour
		synctest.Wait()
		if looks != 2 {
			t.Errorf("the driver was asked %d times to look", looks)
		}
		var given []driver.Partition
		g.held.GiveUp(3, func(p driver.Partition) { given = append(given, p) })
		if held, staying := g.held.Count(); held != 4 || staying != 3 || len(given) != 1 {
			t.Errorf("%d are held, %d are staying, %d were given up", held, staying, len(given))
		}
		synctest.Wait()
		if gone := given[0].(*fakePartition).noted(); gone[len(gone)-1] != "release" || g.held.Has(given[0].Number()) {
			t.Errorf("given up: %v", gone)
		}
		var lost []*fakePartition
		g.held.Each(func(p driver.Partition) {
			if len(lost) < 2 {
				lost = append(lost, p.(*fakePartition))
			}
		})
		g.held.Lose(lost[0])
		lost[1].lose = true // as its next write says
		lost[1].entries <- driver.Entry{ID: "b"}
		synctest.Wait()
		for _, p := range lost {
			if slices.Contains(p.noted(), "release") || g.held.Has(p.number) {
				t.Errorf("partition %d is another's: %v", p.number, p.noted())
			}
		}
		cancel()
		if err := <-ended; err != nil || !g.left {
			t.Errorf("%v; it has left the group: %v", err, g.left)
		}
		if held, _ := g.held.Count(); held != 0 {
			t.Errorf("%d are held at the end", held)
		}
	})
}

// TestGivenUpOnce: a partition that is being given up is not given up again, and does not count for
// those that stay.
func TestGivenUpOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		handling := make(chan struct{})
		h := &held{ctx: ctx, mine: make(map[int]*partition), opts: Options{
			Handle: func(context.Context, []driver.Entry) error { <-handling; return nil }, Log: zap.NewNop(), Metrics: measure.New(nil, "fake"),
		}}
		for n := range 3 {
			p := &fakePartition{number: n, entries: make(chan driver.Entry, 1)}
			p.entries <- driver.Entry{ID: "a"} // which is in hand, so that it cannot end
			h.Assign(p)
		}
		synctest.Wait()
		given := map[int]int{}
		for _, keep := range []int{2, 2, 1, 0, 0} {
			h.GiveUp(keep, func(p driver.Partition) { given[p.Number()]++ })
			if all, staying := h.Count(); all != 3 || staying != keep || len(given) != 3-keep {
				t.Errorf("%d of %d stay, %d were given up; want %d", staying, all, len(given), keep)
			}
		}
		close(handling)
		h.wg.Wait()
		for n, times := range given {
			if times != 1 {
				t.Errorf("%d was given up %d times", n, times)
			}
		}
		if h.Has(0) {
			t.Error("it is still held")
		}
		cancel()
	})
}

// slowly is a member whose driver wakes it all the time, and whose partitions take a while to end.
type slowly struct {
	fakeGroup
	released func() bool
	t        *testing.T
}

func (g *slowly) Join(_ context.Context, _ string, held driver.Held) (driver.Member, error) {
	g.held = held
	return g, nil
}

func (g *slowly) Leave() {
	if g.left = true; !g.released() {
		g.t.Error("the member leaves before its partitions were released")
	}
}

// TestMemberIsWokenOften: it looks no more often than every now and then, however often it is
// woken, and leaves when its partitions have ended.
func TestMemberIsWokenOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &fakePartition{entries: make(chan driver.Entry, 1)}
		p.entries <- driver.Entry{ID: "a"}
		g := &slowly{t: t, released: func() bool { return slices.Contains(p.noted(), "release") }}
		looks := 0
		woken := make(chan struct{})
		close(woken)
		g.refresh = func() (<-chan struct{}, error) {
			if looks++; looks == 1 {
				g.held.Assign(p)
			}
			return woken, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*driver.RetryPause)
		defer cancel()
		err := Run(ctx, g, "group", Options{
			Handle: func(ctx context.Context, _ []driver.Entry) error { <-ctx.Done(); time.Sleep(time.Second); return nil },
			Log:    zap.NewNop(), Metrics: measure.New(nil, "fake"), Every: time.Hour,
		})
		if err != nil || !g.left || looks > 11 || looks < 9 {
			t.Errorf("%v, left: %t, looked %d times", err, g.left, looks)
		}
	})
}
