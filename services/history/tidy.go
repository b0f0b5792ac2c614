package history

import (
	"context"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/services/history/store"
)

const (
	// tidyEvery is how often the index is tidied if messages were removed since, and tidyAnyway how
	// often in any case.
	tidyEvery  = time.Hour
	tidyAnyway = 24 * time.Hour
)

// tidier tidies the index of the search.
type tidier struct {
	store store.Store
	log   *zap.Logger
}

// run tidies the index of the search until ctx ends: in steps, after each of which others
// have their turn for twice as long as it took.
func (t *tidier) run(ctx context.Context) {
	last := time.Now()
	for await.Sleep(ctx, tidyEvery) == nil {
		all := time.Since(last) >= tidyAnyway
		if err := t.tidy(ctx, all); err != nil && ctx.Err() == nil {
			t.log.Warn("could not tidy the index of the search; trying again", zap.Error(err), zap.Duration("after", tidyEvery))
		} else if all {
			last = time.Now()
		}
	}
}

func (t *tidier) tidy(ctx context.Context, all bool) error {
	for {
		began := time.Now()
		more, err := t.store.Tidy(ctx, all)
		if err != nil || !more {
			return err
		}
		if err := await.Sleep(ctx, max(sweepPause, 2*time.Since(began))); err != nil {
			return err
		}
	}
}
