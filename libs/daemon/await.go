package daemon

import (
	"context"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
)

// repeatEvery is how often the log says again that something is waited for, and why, as long as the
// reason is the same.
const repeatEvery = 30 * time.Second

// Await opens something that the program cannot start without, such as its bus. As long as that
// fails, it tries again, and says so in the log and by /readyz. It returns an error only when ctx
// has ended, and when waiting cannot help (await.Final).
func Await[T any](ctx context.Context, p *Process, what string, open func(context.Context) (T, error)) (T, error) {
	defer p.ready.waiting.Store(nil)
	began := time.Now()
	var said string
	var saidAt time.Time
	v, err := await.For(ctx, open, func(why error, pause time.Duration) {
		reason := what + ": " + why.Error()
		p.ready.waiting.Store(&reason)
		if reason == said && time.Since(saidAt) < repeatEvery {
			return
		}
		said, saidAt = reason, time.Now()
		p.Log.Warn("waiting for the "+what+"; trying again until it works, so nothing has to be restarted",
			zap.Error(why), zap.Duration("waited", time.Since(began).Round(time.Millisecond)), zap.Duration("next", pause.Round(time.Millisecond)))
	})
	if err == nil && said != "" {
		p.Log.Info("reached the "+what, zap.Duration("waited", time.Since(began).Round(time.Millisecond)))
	}
	return v, err
}
