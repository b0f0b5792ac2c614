package api

import (
	"context"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
)

// LogSlow returns r, whose handlers log at the level warn what took longer than slow: the service
// that was asked, and how the answer ended. 0: nothing is slow.
func LogSlow(r bus.RPC, log *zap.Logger, slow time.Duration) bus.RPC {
	if slow <= 0 {
		return r
	}
	return slowLog{r, log, slow}
}

type slowLog struct {
	bus.RPC
	log  *zap.Logger
	slow time.Duration
}

// Serve implements bus.RPC.
func (l slowLog) Serve(ctx context.Context, service string, handle func(context.Context, []byte) ([]byte, error)) (bus.Subscription, error) {
	return l.RPC.Serve(ctx, service, func(ctx context.Context, data []byte) ([]byte, error) {
		began := time.Now()
		reply, err := handle(ctx, data)
		if took := time.Since(began); took > l.slow {
			l.log.Warn("slow request", zap.String("asked", service), zap.Duration("took", took), zap.Error(err))
		}
		return reply, err
	})
}
