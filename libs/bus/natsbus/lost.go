package natsbus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
)

// lostLooks is how many times in a row, once a second, the server has to say that there is no
// stream before we create a new one: a server that starts, or a cluster that has no leader yet, may
// not know of it.
const lostLooks = 3

// lookForStore makes storeLoop look for the stream, and create a new one if the server lost it.
func (b *Driver) lookForStore() {
	select {
	case b.gone <- struct{}{}:
	default:
	}
}

// storeLoop creates the streams anew when a server has come back without them: with an empty disk,
// or as another server at the same address. Without it, every process would have to be restarted.
// The entries are lost; followers are told.
func (b *Driver) storeLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.gone:
		}
		if !b.isLost(ctx) {
			_ = await.Sleep(ctx, time.Second) // many appends report the same loss
			continue
		}
		b.log.Error("NATS has lost the log; creating an empty one", zap.String("stream", b.names.stream))
		attempt, cancel := context.WithTimeout(ctx, b.cfg.OpenTimeout)
		err := b.ensureStore(attempt)
		cancel()
		if err != nil && ctx.Err() == nil {
			b.log.Error("cannot create a new log; trying again", zap.Error(err))
			b.lookForStore()
		}
		b.host.Suspect("the log was made anew")
		b.appends.resend()
	}
}

// isLost reports whether the server answers and has no stream of ours.
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
