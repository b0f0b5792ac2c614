package load

import (
	"context"
	"errors"
	"time"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/chat"
)

// retry calls do until it succeeds, fails permanently, or ctx ends.
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

// mayPass reports whether a call failed temporarily: the service is away, or limits the rate of
// calls.
func mayPass(err error) bool {
	switch chat.CodeOf(err) {
	// CodeInternal also stands for a call without an answer
	case chat.CodeUnavailable, chat.CodeRateLimited, chat.CodeInternal:
		return true
	}
	return false
}
