package await

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestFinal(t *testing.T) {
	cause := errors.New("no such database")
	err := fmt.Errorf("open: %w", Final(cause))
	if !IsFinal(err) || !errors.Is(err, cause) || err.Error() != "open: no such database" || IsFinal(cause) || IsFinal(nil) || Final(nil) != nil {
		t.Errorf("%v is final: %t", err, IsFinal(err))
	}
}

// TestFor: something comes after a while, fails for good, and is no longer wanted.
func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name  string
			open  func(try int) error
			least int // tries that it takes
			most  int
			want  error
		}{
			{"it is there", func(int) error { return nil }, 1, 1, nil},
			{"it comes", func(try int) error {
				if try < 12 {
					return errors.New("not yet")
				}
				return nil
			}, 12, 12, nil},
			{"it never will", func(try int) error {
				if try == 3 {
					return Final(errLost)
				}
				return errLost
			}, 3, 3, errLost},
			{"nobody waits any more", func(int) error { return errLost }, 9, 12, context.DeadlineExceeded},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			if tt.want == nil {
				cancel()
				ctx, cancel = context.WithCancel(t.Context())
			}
			tries, pauses := 0, []time.Duration(nil)
			began, slept := time.Now(), time.Duration(0)
			_, err := For(ctx, func(context.Context) (int, error) {
				tries++
				return tries, tt.open(tries)
			}, func(why error, pause time.Duration) {
				if why == nil {
					t.Errorf("%s: no reason", tt.name)
				}
				pauses = append(pauses, pause)
				slept += pause
			})
			if !errors.Is(err, tt.want) || tries < tt.least || tries > tt.most {
				t.Errorf("%s: %v after %d tries, want %v after %d to %d", tt.name, err, tries, tt.want, tt.least, tt.most)
			}
			for i, p := range pauses {
				if due := min(firstPause<<i, lastPause); p < due*3/4 || p > due*5/4 {
					t.Errorf("%s: pause %d is %s, want about %s", tt.name, i, p, due)
				}
			}
			if tt.want != context.DeadlineExceeded && time.Since(began) != slept { //nolint:errorlint // the table's own
				t.Errorf("%s: it took %s, and the pauses are %s", tt.name, time.Since(began), slept)
			}
			cancel()
		}
	})
}

var errLost = errors.New("lost")

// TestSleep: a pause passes, and ends early with what it waits in.
func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := Sleep(t.Context(), time.Hour); err != nil || time.Since(began) != time.Hour {
			t.Errorf("slept for %v: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		if err := Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("slept for %v: %v", time.Since(began), err)
		}
	})
}

// TestForOfWhoHasGone: nobody is told of an error that is only that the caller has given up.
func TestForOfWhoHasGone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := For(ctx, func(context.Context) (int, error) {
		cancel()
		return 0, errors.New("given up")
	}, func(why error, _ time.Duration) { t.Errorf("told %v", why) })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
