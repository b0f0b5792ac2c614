package directory

import (
	"time"

	"hubbub.internal/libs/chat"
)

// Muted reports whether the user is muted at a time. A mute ends by itself.
func (a Access) Muted(now time.Time) bool { return now.UnixMilli() < a.MutedUntil }

// Mute returns the error for a user who is muted at a time, which says until when and why; nil for
// who is not.
func (a Access) Mute(now time.Time) error {
	if !a.Muted(now) {
		return nil
	}
	e := &chat.Error{Code: chat.CodeMuted, Message: "you are muted until that is lifted"}
	if a.MutedUntil < chat.Forever {
		until := time.UnixMilli(a.MutedUntil)
		e.Message = "you are muted until " + until.UTC().Format("2006-01-02 15:04:05 UTC")
		e.RetryAfter = until.Sub(now)
	}
	if a.MutedWhy != "" {
		e.Message += ": " + a.MutedWhy
	}
	return e
}
