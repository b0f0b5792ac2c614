package directory

import (
	"fmt"
	"time"

	"hubbub.internal/libs/chat"
)

// mutedForm is the form of the time that Mute says.
const mutedForm = "2006-01-02 15:04:05 UTC"

// Muted reports whether the user is muted at a time. A mute ends by itself.
func (a Access) Muted(now time.Time) bool { return now.UnixMilli() < a.MutedUntil }

// Mute returns the error for a user who is muted at a time, which says until when and why; nil for
// who is not.
func (a Access) Mute(now time.Time) error {
	if !a.Muted(now) {
		return nil
	}
	message, wait := "you are muted until that is lifted", time.Duration(0)
	if a.MutedWhy != "" {
		message = fmt.Sprintf("you are muted until that is lifted: %s", a.MutedWhy)
	}
	if a.MutedUntil < chat.Forever {
		until := time.UnixMilli(a.MutedUntil)
		wait, message = until.Sub(now), fmt.Sprintf("you are muted until %s", until.UTC().Format(mutedForm))
		if a.MutedWhy != "" {
			message = fmt.Sprintf("you are muted until %s: %s", until.UTC().Format(mutedForm), a.MutedWhy)
		}
	}
	return &chat.Error{Code: chat.CodeMuted, Message: message, RetryAfter: wait}
}
