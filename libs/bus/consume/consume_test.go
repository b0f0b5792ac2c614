package consume_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/consume"
	"hubbub.internal/libs/bus/driver"
)

var errBad = errors.New("a bad entry")

func batch(n int) []driver.Entry {
	all := make([]driver.Entry, n)
	for i := range all {
		all[i] = driver.Entry{Room: "r", Seq: uint64(i + 1), ID: fmt.Sprint(i + 1)}
	}
	return all
}

// record is what became of a batch.
type record struct {
	calls  int
	got    []uint64 // Seqs that the handler took
	parked []uint64
	done   []uint64 // Done was called without an error
}

// run processes a batch; the partition is given up at the call stopAt of the handler, and done is
// what Done returns.
func run(t *testing.T, handle func(call int, b []driver.Entry) error, stopAt int, done error) (rec record, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		r := consume.Reader{
			Stop: stop, Log: zap.NewNop(),
			Handle: func(_ context.Context, b []driver.Entry) error {
				if rec.calls++; rec.calls == stopAt {
					close(stop)
				}
				if err := handle(rec.calls, b); err != nil {
					return err
				}
				for _, e := range b {
					rec.got = append(rec.got, e.Seq)
				}
				return nil
			},
			Done: func(_ context.Context, e driver.Entry, failed error) error {
				if failed != nil {
					rec.parked = append(rec.parked, e.Seq)
				} else {
					rec.done = append(rec.done, e.Seq)
				}
				return done
			},
		}
		err = r.Process(t.Context(), batch(4))
	})
	return rec, err
}

func TestGoodBatch(t *testing.T) {
	rec, err := run(t, func(int, []driver.Entry) error { return nil }, 0, nil)
	if err != nil || rec.calls != 1 || !slices.Equal(rec.got, []uint64{1, 2, 3, 4}) || rec.done != nil {
		t.Errorf("%+v, %v", rec, err)
	}
}

// TestBadEntry: the one that keeps failing is parked, the others are handled, in order.
func TestBadEntry(t *testing.T) {
	rec, err := run(t, func(_ int, b []driver.Entry) error {
		if slices.ContainsFunc(b, func(e driver.Entry) bool { return e.Seq == 3 }) {
			return errBad
		}
		return nil
	}, 0, nil)
	if err != nil || !slices.Equal(rec.got, []uint64{1, 2, 4}) || !slices.Equal(rec.parked, []uint64{3}) || !slices.Equal(rec.done, []uint64{1, 2, 4}) {
		t.Errorf("%+v, %v", rec, err)
	}
	if want := 5 + 1 + 1 + 2 + 1; rec.calls != want {
		t.Errorf("handed over %d times, want %d", rec.calls, want)
	}
}

// TestBatchThatRecovers: a batch that fails for a while is not taken apart.
func TestBatchThatRecovers(t *testing.T) {
	rec, err := run(t, func(call int, _ []driver.Entry) error {
		if call < 5 {
			return errBad
		}
		return nil
	}, 0, nil)
	if err != nil || rec.calls != 5 || len(rec.got) != 4 || rec.done != nil {
		t.Errorf("%+v, %v", rec, err)
	}
}

// TestRetry: what fails for the surroundings' sake is handed over for ever and never parked.
func TestRetry(t *testing.T) {
	rec, err := run(t, func(call int, _ []driver.Entry) error {
		if call < 50 {
			return fmt.Errorf("%w: the store is away", driver.ErrRetry)
		}
		return nil
	}, 0, nil)
	if err != nil || rec.calls != 50 || len(rec.got) != 4 || rec.parked != nil {
		t.Errorf("%+v, %v", rec, err)
	}
}

// TestHandlersOwnBatch: a handler may do with its batch what it likes.
func TestHandlersOwnBatch(t *testing.T) {
	rec, err := run(t, func(call int, b []driver.Entry) error {
		if call == 1 {
			slices.Reverse(b)
			return errBad
		}
		return nil
	}, 0, nil)
	if err != nil || !slices.Equal(rec.got, []uint64{1, 2, 3, 4}) {
		t.Errorf("%+v, %v", rec, err)
	}
}

func TestGivenUp(t *testing.T) {
	rec, err := run(t, func(int, []driver.Entry) error { return errBad }, 2, nil)
	if !errors.Is(err, errBad) || rec.calls != 2 || rec.parked != nil {
		t.Errorf("%+v, %v", rec, err)
	}
}

func TestCannotPark(t *testing.T) {
	full := errors.New("no room for dead letters")
	rec, err := run(t, func(int, []driver.Entry) error { return errBad }, 0, full)
	if !errors.Is(err, full) || !slices.Equal(rec.parked, []uint64{1}) {
		t.Errorf("%+v, %v", rec, err)
	}
}

func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		r := consume.Reader{
			Log: zap.NewNop(),
			Handle: func(context.Context, []driver.Entry) error {
				if calls++; calls == 3 {
					cancel()
				}
				return errBad
			},
			Done: func(context.Context, driver.Entry, error) error { t.Error("parked"); return nil },
		}
		if err := r.Process(ctx, batch(2)); !errors.Is(err, errBad) || calls != 3 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
}

// TestGivenUpOneByOne: an entry that fails while the partition is given up is not parked: the next
// member tries it. One that was handled is done with.
func TestGivenUpOneByOne(t *testing.T) {
	const batchTries = 5
	rec, err := run(t, func(call int, b []driver.Entry) error {
		if call <= batchTries || b[0].Seq == 2 {
			return errBad
		}
		return nil
	}, batchTries+2, nil)
	if !errors.Is(err, errBad) || rec.parked != nil || !slices.Equal(rec.done, []uint64{1}) {
		t.Errorf("%+v, %v", rec, err)
	}
	rec, _ = run(t, func(call int, _ []driver.Entry) error {
		if call <= batchTries {
			return errBad
		}
		return nil
	}, batchTries+1, nil)
	if len(rec.done) == 0 || rec.done[0] != 1 {
		t.Errorf("an entry was handled and is not done with: %+v", rec)
	}
}

// TestPatience: what fails at once is handed over for as long as Patience says, Tries times, and no
// longer.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		var parked time.Time
		r := consume.Reader{
			Log:    zap.NewNop(),
			Handle: func(context.Context, []driver.Entry) error { calls++; return errBad },
			Done:   func(context.Context, driver.Entry, error) error { parked = time.Now(); return nil },
		}
		began := time.Now()
		if err := r.Process(t.Context(), batch(1)); err != nil {
			t.Fatal(err)
		}
		if took := parked.Sub(began); took != consume.Patience() || calls != consume.Tries {
			t.Errorf("parked after %s and %d tries, want %s and %d", took, calls, consume.Patience(), consume.Tries)
		}
	})
}

// TestPauses: the pauses grow to a bound, and begin anew with another kind of trouble.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		r := consume.Reader{Log: zap.NewNop(), Handle: func(context.Context, []driver.Entry) error {
			at = append(at, time.Since(began))
			began = time.Now()
			switch n := len(at); {
			case n < 3 || n == 12:
				return errBad
			case n < 12:
				return driver.ErrRetry
			}
			return nil
		}}
		if err := r.Process(t.Context(), batch(1)); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{0, 100, 200, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 100}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(at, want) {
			t.Errorf("the pauses are %v, want %v", at, want)
		}
	})
}

// TestGivenUpInAPause: who waits for the next try ends at once, and does not try again.
func TestGivenUpInAPause(t *testing.T) {
	for _, how := range []string{"stop", "context"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			stop, calls := make(chan struct{}), 0
			r := consume.Reader{Stop: stop, Log: zap.NewNop(), Handle: func(context.Context, []driver.Entry) error { calls++; return driver.ErrRetry }}
			began := time.Now()
			go func() {
				time.Sleep(50 * time.Millisecond)
				if how == "stop" {
					close(stop)
				} else {
					cancel()
				}
			}()
			err := r.Process(ctx, batch(1))
			if took := time.Since(began); !errors.Is(err, driver.ErrRetry) || calls != 1 || took != 50*time.Millisecond {
				t.Errorf("%s: %v after %s and %d calls", how, err, took, calls)
			}
			cancel()
		})
	}
}
