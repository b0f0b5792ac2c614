package store

import "context"

// MaxPins is how many messages of a room are pinned at the same time.
const MaxPins = 200

// Pins keeps which messages of a room are pinned: the entries that say so and are not past. See
// Store for what holds of its methods.
type Pins interface {
	// Pins returns the pins of a room with Seq < before, the last first, at most limit. The message
	// of one may be deleted, if somebody pinned it while it was being deleted.
	Pins(ctx context.Context, room string, before uint64, limit int) ([]Entry, error)
	// Unpin marks the pins of a message as past.
	Unpin(ctx context.Context, room string, name Name) error
}
