package load

import (
	"context"
	"errors"
	"time"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/chat"
)

// retry calls do until it succeeds, or fails in a way that does not pass, or ctx ends.
func retry[T any](ctx context.Context, do func() (T, error)) (T, error) {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		v, err := do()
		if err == nil || !mayPass(err) {
			return v, err
		}
		if ended := await.Sleep(ctx, pause); ended != nil {
			return v, errors.Join(err, ended)
		}
	}
}

// mayPass reports whether a call of a part that is away, or that limits how often it is called, is
// worth another try.
func mayPass(err error) bool {
	switch chat.CodeOf(err) {
	// the last also when there was no answer at all
	case chat.CodeUnavailable, chat.CodeRateLimited, chat.CodeInternal:
		return true
	}
	return false
}
