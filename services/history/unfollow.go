package history

import (
	"context"
	"fmt"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/await"
)

const (
	// followGrace is how long a follow stays after its user had to do with the thread, whatever the
	// store has of that: the messages may be in the log alone.
	followGrace = 24 * time.Hour
	// followBatch is how many lost follows are removed at a time.
	followBatch = 200
)

// tidy removes the follows of users who have deleted their accounts, and of threads that the record
// has no more. After each step others have their turn.
func (fs *follows) tidy(ctx context.Context) error {
	for after := ""; ; {
		began := time.Now()
		var users []string
		for len(users) < directoryapi.MaxDeparted {
			user, err := fs.store.NextFollower(ctx, after)
			if err != nil {
				return err
			}
			if user == "" {
				break
			}
			users, after = append(users, user), user
		}
		if len(users) == 0 {
			return nil
		}
		if err := fs.endDeparted(ctx, users); err != nil {
			return err
		}
		for _, user := range users {
			if err := fs.dropLost(ctx, user); err != nil {
				return err
			}
		}
		if err := pauseAfter(ctx, began); err != nil {
			return err
		}
	}
}

// endDeparted removes the follows of those users who have deleted their accounts.
func (fs *follows) endDeparted(ctx context.Context, users []string) error {
	gone, err := fs.directory.Departed(ctx, users)
	if err != nil {
		return fmt.Errorf("who has deleted the account: %w", err)
	}
	for _, user := range gone {
		if err := fs.store.RemoveFollowsBy(ctx, user); err != nil {
			return err
		}
	}
	return nil
}

// dropLost removes a user's follows of threads that the record has no more.
func (fs *follows) dropLost(ctx context.Context, user string) error {
	for {
		began := time.Now()
		lost, err := fs.store.LostFollows(ctx, user, began.Add(-followGrace).UnixMilli(), followBatch)
		if err != nil || len(lost) == 0 {
			return err
		}
		if err := fs.store.DropFollows(ctx, lost); err != nil || len(lost) < followBatch {
			return err
		}
		if err := pauseAfter(ctx, began); err != nil {
			return err
		}
	}
}

// pauseAfter waits for twice as long as a step took, and sweepPause at least.
func pauseAfter(ctx context.Context, began time.Time) error {
	return await.Sleep(ctx, max(sweepPause, 2*time.Since(began)))
}
