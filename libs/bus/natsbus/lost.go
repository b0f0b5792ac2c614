package natsbus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
)

// lostLooks is how often in a row, one a second, the server has to say that there is no stream
// before it is made anew: one that starts, or a cluster that finds together, may not know it yet.
const lostLooks = 3

// lookForStore makes storeLoop look for the stream, and make a new one if the server lost it.
func (b *Driver) lookForStore() {
	select {
	case b.gone <- struct{}{}:
	default:
	}
}

// storeLoop makes the streams anew when a server has come back without them: an empty disk, another
// server at the same address. Else every process would have to be started again to get a log. What
// was in it is lost; those who follow rooms are told.
func (b *Driver) storeLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.gone:
		}
		if !b.isLost(ctx) {
			_ = await.Sleep(ctx, time.Second) // many appends find the same
			continue
		}
		b.log.Error("NATS has lost the log: making a new, empty one", zap.String("stream", b.names.stream))
		attempt, cancel := context.WithTimeout(ctx, b.cfg.OpenTimeout)
		err := b.ensureStore(attempt)
		cancel()
		if err != nil && ctx.Err() == nil {
			b.log.Error("cannot make a new log; trying again", zap.Error(err))
			b.lookForStore()
		}
		b.host.Suspect("the log was made anew")
		b.appends.resend()
	}
}

// isLost reports whether the server is there and has no stream of ours.
func (b *store) isLost(ctx context.Context) bool {
	for range lostLooks {
		attempt, done := b.attempt(ctx)
		_, err := b.js.Stream(attempt, b.names.stream)
		done()
		if !errors.Is(err, jetstream.ErrStreamNotFound) || await.Sleep(ctx, time.Second) != nil {
			return false
		}
	}
	return true
}
