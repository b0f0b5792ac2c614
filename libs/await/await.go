// Package await tries something again until it works, with growing pauses: a program waits for what
// it needs and does not have yet, such as a server that is still starting. What waiting cannot mend
// is marked as final.
//
// It owns the pauses and the mark; it knows nothing of what is waited for.
package await

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
)

// final is an error that waiting cannot mend.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// Final marks an error as one that stays however long one waits: the program itself, or its
// configuration, has to change. Its text stays the same. Final(nil) is nil.
func Final(err error) error {
	if err == nil || IsFinal(err) {
		return err
	}
	return final{err}
}

// IsFinal reports whether the error, or one that it wraps, was marked by Final.
func IsFinal(err error) bool {
	_, ok := errors.AsType[final](err)
	return ok
}

// For calls open until it succeeds, and returns what it returned. It gives up with the error of ctx
// when that ends, and with an error that is final. Between two calls, told is given the error of
// the first and the pause before the second: 200 ms at first, 5 s in the end, each different by a
// quarter at most, so that a fleet does not come back at the same moment.
func For[T any](ctx context.Context, open func(context.Context) (T, error), told func(why error, pause time.Duration)) (T, error) {
	for next := firstPause; ; next = min(2*next, lastPause) {
		v, err := open(ctx)
		if err == nil {
			return v, nil
		}
		var none T
		if ctx.Err() != nil {
			return none, ctx.Err()
		}
		if IsFinal(err) {
			return none, err
		}
		pause := next*3/4 + rand.N(next/2)
		told(err, pause)
		if err := Sleep(ctx, pause); err != nil {
			return none, err
		}
	}
}

// Sleep waits for d, or until ctx ends, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
