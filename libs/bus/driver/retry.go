package driver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hubbub.internal/libs/await"
)

const (
	// RetryPause is the time before the second try, which doubles up to RetryMax.
	RetryPause = 50 * time.Millisecond
	// RetryMax is the most time between two tries.
	RetryMax = time.Second
)

// Retry makes calls to a server again until they succeed.
type Retry struct {
	Life context.Context // ends with the bus
	// Attempt returns the context of one try: a reply may be lost.
	Attempt func(context.Context) (context.Context, context.CancelFunc)
	// Final reports whether trying again does not change the server's answer. nil: no answer is
	// final.
	Final func(error) bool
	// Full reports whether the log may not grow. nil: no error of a call says so.
	Full func(error) bool
	// Failed is called after each try that failed: the server may be another by now. nil: do
	// nothing.
	Failed func(context.Context)
}

// Do calls try until it succeeds, fails for good, or ctx or the bus ends. Its errors are those of
// Fail.
func (r *Retry) Do(ctx context.Context, what string, try func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.Life, cancel)()
	for pause := RetryPause; ; pause = min(2*pause, RetryMax) {
		attempt, done := r.Attempt(ctx)
		err := try(attempt)
		done()
		if err == nil {
			return nil
		}
		if r.Final != nil && r.Final(err) || errors.Is(err, ErrInUse) {
			return r.Fail(what, err)
		}
		if r.Failed != nil {
			r.Failed(ctx)
		}
		if await.Sleep(ctx, pause) != nil {
			return r.Fail(what, err)
		}
	}
}

// Fail turns an error of the server, the connection or a context into the errors of the contract.
func (r *Retry) Fail(what string, err error) error {
	if r.Life.Err() != nil {
		return ErrClosed
	}
	if r.Full != nil && r.Full(err) {
		return fmt.Errorf("%w: %s: %w", ErrFull, what, err)
	}
	for _, kind := range []error{ErrUnavailable, ErrClosed, ErrInUse, ErrNoResponder} {
		if errors.Is(err, kind) {
			return err
		}
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, err)
}
