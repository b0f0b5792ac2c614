package driver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/bus/driver"
)

var errServer = errors.New("the server says no")

// retry returns one whose tries end after a second, with what it has counted.
func retry(ctx context.Context) (r *driver.Retry, ended, failed *int) {
	ended, failed = new(int), new(int)
	return &driver.Retry{
		Life: ctx,
		Attempt: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			return ctx, func() { *ended++; cancel() }
		},
		Failed: func(context.Context) { *failed++ },
	}, ended, failed
}

// TestRetryPauses: a call that fails is made again after a pause that doubles up to a second, each
// time with a context of its own.
func TestRetryPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, ended, failed := retry(t.Context())
		var at []time.Duration
		began := time.Now()
		err := r.Do(t.Context(), "ask", func(ctx context.Context) error {
			at = append(at, time.Since(began))
			if _, ok := ctx.Deadline(); !ok || ctx.Err() != nil {
				t.Errorf("try %d has no time of its own: %v", len(at), ctx.Err())
			}
			if len(at) < 8 {
				return errServer
			}
			return nil
		})
		want := []time.Duration{0, 50, 150, 350, 750, 1550, 2550, 3550}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if err != nil || !slices.Equal(at, want) {
			t.Errorf("tries at %v, want %v: %v", at, want, err)
		}
		if *ended != 8 || *failed != 7 {
			t.Errorf("%d contexts were ended, %d failures told", *ended, *failed)
		}
	})
}

// TestRetryEnds: trying again ends with the caller's context, with the bus, and for an error that
// is final; each has its error.
func TestRetryEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		final func(error) bool
		full  func(error) bool
		err   error
		end   string // "caller", "bus"
		tries int
		want  error
	}{
		{name: "the caller gives up", err: errServer, end: "caller", tries: 3, want: driver.ErrUnavailable},
		{name: "the bus is closed", err: errServer, end: "bus", tries: 3, want: driver.ErrClosed},
		{name: "final", final: func(err error) bool { return errors.Is(err, errServer) }, err: errServer, tries: 1, want: driver.ErrUnavailable},
		{name: "another is final", final: func(error) bool { return false }, err: errServer, end: "caller", tries: 3, want: driver.ErrUnavailable},
		{name: "in use", err: fmt.Errorf("retire: %w", driver.ErrInUse), tries: 1, want: driver.ErrInUse},
		{name: "full", full: func(error) bool { return true }, err: errServer, end: "caller", tries: 3, want: driver.ErrFull},
		{name: "nobody serves", err: driver.ErrNoResponder, end: "caller", tries: 3, want: driver.ErrNoResponder},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				life, closeBus := context.WithCancel(t.Context())
				ctx, giveUp := context.WithCancel(t.Context())
				defer closeBus()
				defer giveUp()
				r, _, _ := retry(life)
				r.Final, r.Full = c.final, c.full
				tries := 0
				err := r.Do(ctx, "ask for it", func(context.Context) error {
					if tries++; tries == 3 && c.end == "caller" {
						giveUp()
					} else if tries == 3 && c.end == "bus" {
						closeBus()
					}
					return c.err
				})
				if !errors.Is(err, c.want) || tries != c.tries {
					t.Errorf("%d tries: %v, want %v", tries, err, c.want)
				}
				if c.want != driver.ErrClosed { //nolint:errorlint // it is of the table
					if !errors.Is(err, c.err) || errors.Is(c.err, errServer) && !strings.Contains(err.Error(), "ask for it") {
						t.Errorf("%v does not say what failed", err)
					}
				}
			})
		})
	}
}

// TestPartitionOf: the parts of rooms are FNV-1a's, which other releases compute, too.
func TestPartitionOf(t *testing.T) {
	// 0x811c9dc5, 0xe40c292c, 0xbf9cf968
	for name, want := range map[string][2]int{"": {5, 61}, "a": {12, 44}, "foobar": {8, 40}} {
		if name == "" {
			want = [2]int{0x811c9dc5 % 16, 0x811c9dc5 % 64}
		}
		if got := [2]int{driver.PartitionOf(name, 16), driver.PartitionOf(name, 64)}; got != want {
			t.Errorf("%q is in %v, want %v", name, got, want)
		}
	}
}

// TestNames are those of rooms and channels, at their limits.
func TestNames(t *testing.T) {
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		name          string
		room, channel bool
	}{
		{"", false, false}, {"a", true, true}, {long, true, true}, {long + "x", false, false}, {"a b", false, false},
		{"a.b", false, true}, {"a.b.c.d", false, true}, {"a.b.c.d.e", false, false}, {"a..b", false, false}, {".a", false, false},
		{"a.", false, false}, {"a.*", false, false}, {"a." + long + "x", false, false},
	} {
		if err := driver.CheckName("fine", c.name); (err == nil) != c.room || err != nil && !errors.Is(err, driver.ErrBadName) {
			t.Errorf("as a room %q: %v", c.name, err)
		}
		if err := driver.CheckChannel(c.name); (err == nil) != c.channel || err != nil && !errors.Is(err, driver.ErrBadName) {
			t.Errorf("as a channel %q: %v", c.name, err)
		}
	}
	if err := driver.CheckName("not one", "fine"); !errors.Is(err, driver.ErrBadName) {
		t.Errorf("the first of two: %v", err)
	}
}
