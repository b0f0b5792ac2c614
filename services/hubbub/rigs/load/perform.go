package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"hubbub.internal/libs/await"
)

// perform lets the crowd talk for the duration, with the configured reconnects.
func perform(ctx context.Context, all *Crowd, cfg Config, report *Report) (err error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Duration)
	defer cancel()
	var wait sync.WaitGroup
	wait.Go(func() {
		defer cancel()
		err = all.Talk(ctx)
	})
	var mu sync.Mutex
	// A reconnect continues when the time is up: otherwise the verdict would count what the socket
	// missed as lost.
	reconnect := func(do func(context.Context) error) {
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Patience)
		defer cancel()
		if do(try) != nil {
			mu.Lock()
			defer mu.Unlock()
			report.FailedReconnects++
		}
	}
	if cfg.Storm {
		wait.Go(func() {
			if await.Sleep(ctx, cfg.Duration/2) == nil {
				reconnect(all.Reconnect)
			}
		})
	}
	if cfg.Churn > 0 {
		wait.Go(func() {
			dice := rand.New(rand.NewPCG(cfg.Seed, 2))
			tick := time.NewTicker(max(time.Millisecond, time.Duration(float64(time.Second)/cfg.Churn)))
			defer tick.Stop()
			began, dropped := time.Now(), 0
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				var some []int
				for ; dropped < int(time.Since(began).Seconds()*cfg.Churn); dropped++ {
					some = append(some, dice.IntN(cfg.Sockets))
				}
				if len(some) > 0 {
					reconnect(func(ctx context.Context) error { return all.ReconnectSome(ctx, some...) })
				}
			}
		})
	}
	wait.Wait()
	return err
}
