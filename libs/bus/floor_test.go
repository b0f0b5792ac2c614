package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/bus/driver"
)

// log is a driver whose log a test writes.
type log struct {
	fake
	append  func(NewEntry, func(Appended, error)) error
	removed []uint64
	behind  func() bool
	letters []driver.Letter
	putBack func(driver.Letter) error
	join    func(ctx context.Context) (driver.Member, error)
	opening error

	mu   sync.Mutex
	trim func(ctx context.Context) error
}

// trims makes the driver trim so from now on.
func (l *log) trims(do func(ctx context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trim = do
}

func (l *log) Open(ctx context.Context, h driver.Host) error {
	return errors.Join(l.fake.Open(ctx, h), l.opening)
}

func (l *log) Append(e NewEntry, done func(Appended, error)) error { return l.append(e, done) }
func (l *log) Remove(_ context.Context, _ string, seq uint64) error {
	l.removed = append(l.removed, seq)
	return nil
}
func (l *log) Ends(context.Context) ([]uint64, error) { return []uint64{7}, nil }
func (l *log) Behind(_ context.Context, _ string, e []uint64) (bool, error) {
	return l.behind() && e[0] == 7, nil
}
func (l *log) Letters(context.Context, string, int) ([]driver.Letter, error) { return l.letters, nil }
func (l *log) PutBack(_ context.Context, _ string, x driver.Letter) error    { return l.putBack(x) }
func (l *log) Join(ctx context.Context, _ string, _ driver.Held) (driver.Member, error) {
	return l.join(ctx)
}

func (l *log) Trim(ctx context.Context) error {
	l.mu.Lock()
	trim := l.trim
	l.mu.Unlock()
	if trim != nil {
		return trim(ctx)
	}
	return nil
}

// onLog is a bus on such a driver, in a bubble.
func onLog(t *testing.T, test func(t *testing.T, l *log, b *Bus)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		b, err := Open(t.Context(), l, overOptions())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Close() }()
		synctest.Wait() // it has been trimmed
		test(t, l, b)
	})
}

// TestAppendGivesUp: who waits for an append waits as long as the context says; and is never told
// in the call itself.
func TestAppendGivesUp(t *testing.T) {
	onLog(t, func(t *testing.T, l *log, b *Bus) {
		l.append = func(NewEntry, func(Appended, error)) error { return nil } // and no word
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := Append(ctx, b, NewEntry{Room: "r", Sender: "s", ID: "i"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		for _, e := range []NewEntry{{Room: "r", Sender: "", ID: "i"}, {Room: "r", Sender: "a b", ID: "i"}} {
			var mu sync.Mutex
			var told error
			mu.Lock() // as a caller may hold it
			b.Append(e, func(_ Appended, err error) { mu.Lock(); defer mu.Unlock(); told = err })
			mu.Unlock()
			synctest.Wait()
			if !errors.Is(told, ErrBadName) {
				t.Errorf("%+v: %v", e, told)
			}
		}
	})
}

// TestThroughOfAReplay: of a log that has nothing of a room, and never had, nothing is said but
// that; all else is passed on as it is.
func TestThroughOfAReplay(t *testing.T) {
	t.Parallel()
	f := &fake{}
	b := over(t, f)
	for _, tt := range []struct {
		after   uint64
		rep     Replayed
		through uint64
	}{
		{0, Replayed{Through: 9}, 0}, {1, Replayed{Through: 9}, 9}, {0, Replayed{Through: 9, Truncated: true}, 9}, {0, Replayed{Through: 9, Rewound: true}, 9},
		{0, Replayed{Through: 9, Entries: []Entry{{Seq: 5}}}, 9},
	} {
		f.replay = func() (driver.Replayed, bool, error) { return tt.rep, false, nil }
		if got, err := b.Replay(t.Context(), "room", Position{Seq: tt.after}, 1); err != nil || got.Through != tt.through {
			t.Errorf("after %d of %+v: through %d, %v", tt.after, tt.rep, got.Through, err)
		}
	}
}

// TestGreatestArguments: what is just at a limit is asked of the driver.
func TestGreatestArguments(t *testing.T) {
	onLog(t, func(t *testing.T, l *log, b *Bus) {
		l.append = func(_ NewEntry, done func(Appended, error)) error { go done(Appended{Seq: 1}, nil); return nil }
		if _, err := Append(t.Context(), b, NewEntry{Room: "r", Sender: "s", ID: "i", Data: make([]byte, MaxData)}); err != nil {
			t.Errorf("an entry: %v", err)
		}
		names := make([]string, MaxHeads)
		for i := range names {
			names[i] = fmt.Sprint("r", i)
		}
		if heads, err := b.Heads(t.Context(), names); err != nil || len(heads) != MaxHeads {
			t.Errorf("%d heads, %v", len(heads), err)
		}
		if err := b.Remove(t.Context(), "r", MaxSeq); err != nil || len(l.removed) != 1 || l.removed[0] != MaxSeq {
			t.Errorf("removed %v, %v", l.removed, err)
		}
		l.replay = func() (driver.Replayed, bool, error) { return driver.Replayed{}, false, nil }
		if _, err := b.Replay(t.Context(), "r", Position{}, MaxReplay); err != nil {
			t.Errorf("a replay: %v", err)
		}
	})
}

// TestCatchUp waits until the group has consumed all, and looks now and then.
func TestCatchUp(t *testing.T) {
	onLog(t, func(t *testing.T, l *log, b *Bus) {
		looks := 0
		l.behind = func() bool { looks++; return looks < 4 }
		began := time.Now()
		if err := b.CatchUp(t.Context(), "g"); err != nil || looks != 4 || time.Since(began) != 3*catchUpPause {
			t.Errorf("%v after %d looks and %s", err, looks, time.Since(began))
		}
		l.behind = func() bool { return true }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.CatchUp(ctx, "g"); err == nil {
			t.Error("caught up with what is always ahead")
		}
	})
}

// TestRedrive puts letters back one by one, and says which, also if one cannot be.
func TestRedrive(t *testing.T) {
	onLog(t, func(t *testing.T, l *log, b *Bus) {
		for i := range 3 {
			l.letters = append(l.letters, driver.Letter{DeadLetter: DeadLetter{Entry: Entry{Seq: uint64(i + 1)}}, ID: fmt.Sprint("l", i)})
		}
		var put []string
		l.putBack = func(x driver.Letter) error {
			if put = append(put, x.ID); x.ID == "l1" {
				return errFinal
			}
			return nil
		}
		back, err := b.Redrive(t.Context(), "g", 10)
		if !errors.Is(err, errFinal) || len(back) != 1 || back[0].Entry.Seq != 1 || strings.Join(put, " ") != "l0 l1" {
			t.Errorf("put back %+v, tried %q, %v", back, put, err)
		}
		l.putBack = func(driver.Letter) error { return nil }
		if back, err := b.Redrive(t.Context(), "g", 10); err != nil || len(back) != 3 || back[2].Entry.Seq != 3 {
			t.Errorf("put back %+v, %v", back, err)
		}
		if back, err := b.Redrive(t.Context(), "g", 0); err != nil || len(back) != 0 {
			t.Errorf("of none: %+v, %v", back, err)
		}
		if all, err := b.DeadLetters(t.Context(), "g", 10); err != nil || len(all) != 3 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// leaving is a member whose end takes a while.
type leaving struct{ leave func() }

func (m leaving) Refresh(context.Context) (<-chan struct{}, error) { return nil, nil }
func (m leaving) Leave()                                           { m.leave() }

// TestConsumeEnds: with its context without an error, with the bus with one, and the driver is not
// closed before it has ended. What cannot be consumed at all is an error.
func TestConsumeEnds(t *testing.T) {
	onLog(t, func(t *testing.T, l *log, b *Bus) {
		l.join = func(ctx context.Context) (driver.Member, error) { <-ctx.Done(); return nil, ctx.Err() }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Consume(ctx, "g", nil); err != nil {
			t.Errorf("its context has ended: %v", err)
		}
		l.join = func(context.Context) (driver.Member, error) { return nil, errFinal }
		if err := b.Consume(t.Context(), "g", nil); !errors.Is(err, errFinal) || !errors.Is(err, ErrUnavailable) {
			t.Errorf("it cannot join: %v", err)
		}
		l.join = func(context.Context) (driver.Member, error) {
			return leaving{func() {
				if time.Sleep(time.Second); l.closed {
					t.Error("the driver is closed while a member leaves")
				}
			}}, nil
		}
		ended := make(chan error, 1)
		go func() { ended <- b.Consume(t.Context(), "g", nil) }()
		synctest.Wait()
		second := make(chan bool)
		go func() {
			synctest.Wait()
			_ = b.Close() // while the first one is under way
			second <- l.closed
		}()
		_ = b.Close()
		if err := <-ended; !errors.Is(err, ErrClosed) || !<-second {
			t.Errorf("the bus was closed: %v", err)
		}
	})
}

// TestOpenFails: a driver that cannot be opened is closed.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	l := &log{opening: errFinal}
	if b, err := Open(t.Context(), l, overOptions()); b != nil || !errors.Is(err, errFinal) || !l.closed {
		t.Errorf("%v, %v, closed: %t", b, err, l.closed)
	}
}

// TestTrim: the log is trimmed at the start, in its time, and when the driver says so; a failure
// is told to the driver, and the driver is not closed while it trims.
func TestTrim(t *testing.T) {
	onLog(t, func(t *testing.T, l *log, b *Bus) {
		var trims, failures atomic.Int32
		pass := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		l.retry.Failed = func(context.Context) { failures.Add(1) }
		l.trims(func(context.Context) error { trims.Add(1); return nil })
		l.host.TrimSoon()
		l.host.TrimSoon()
		pass(10 * time.Second)
		if n := trims.Swap(0); n < 1 || n > 2 {
			t.Errorf("trimmed %d times when it was said so", n)
		}
		pass(10 * time.Hour)
		if n := trims.Swap(0); n < 6 || n > 20 {
			t.Errorf("trimmed %d times in 10 hours", n)
		}
		l.trims(func(context.Context) error { return errFinal })
		l.host.TrimSoon()
		pass(time.Second)
		if n := failures.Load(); n != 1 {
			t.Errorf("the driver was told of %d failures", n)
		}
		l.trims(func(ctx context.Context) error {
			<-ctx.Done()
			if time.Sleep(time.Second); l.closed {
				t.Error("closed while it trims")
			}
			return ctx.Err()
		})
		l.host.TrimSoon()
		pass(time.Second)
		_ = b.Close()
		if failures.Load() != 1 {
			t.Error("that the bus was closed is told as a failure")
		}
	})
}
