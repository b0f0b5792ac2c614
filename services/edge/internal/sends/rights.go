package sends

import (
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/wire"
)

// MayWrite returns why somebody with an Access may not do now what a command of a kind does to a
// room, or nil. Members may take back what they have said also while they are muted, and where only
// moderators write.
func MayWrite(kind wire.Kind, a directory.Access, now time.Time) error {
	if a.Archived {
		return errArchived
	}
	allowed := a.Send
	switch kind {
	case wire.React:
		allowed = a.Send || a.React
	case wire.Delete:
		if a.Send || a.May(directory.ActionRetract) {
			return nil
		}
	}
	if !allowed && a.Role == directory.RoleReader {
		return errReads
	}
	if !allowed {
		return ErrMayNot
	}
	return a.Mute(now)
}
