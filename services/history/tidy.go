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
	// often in any case, and how often follows are.
	tidyEvery  = time.Hour
	tidyAnyway = 24 * time.Hour
)

// tidier tidies the index of the search, and what is kept of who follows which threads.
type tidier struct {
	store   store.Store
	log     *zap.Logger
	follows *follows
}

// run tidies until ctx ends: in steps, after each of which others have their turn for twice as long
// as it took.
func (t *tidier) run(ctx context.Context) {
	last := time.Now()
	var followed time.Time // a process that ends every day tidies them, too
	for await.Sleep(ctx, tidyEvery) == nil {
		if time.Since(followed) >= tidyAnyway {
			if err := t.follows.tidy(ctx); err == nil {
				followed = time.Now()
			} else if ctx.Err() == nil {
				t.log.Warn("could not remove what users follow no more; trying again", zap.Error(err), zap.Duration("after", tidyEvery))
			}
		}
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
		more, err := t.store.Tidy(ctx, nowMillis(), all)
		if err != nil || !more {
			return err
		}
		if err := pauseAfter(ctx, began); err != nil {
			return err
		}
	}
}
