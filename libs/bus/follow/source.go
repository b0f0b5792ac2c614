// Package follow turns a driver's live hints into what bus.Log.Follow promises: every entry of a room once, in order,
// with a true Prev. The drivers share it; it knows no server.
//
// Live fan-out is a fast hint of the log that may lose, repeat or disorder entries. The engine checks each hint against
// what it holds of the room (Prev proves a gap), compares its rooms' last Seqs with the log after whatever may have cost
// entries, and every 30 s, and fills what is missing from the log before anything newer is delivered.
package follow

import (
	"context"

	"hubbub.internal/libs/bus"
)

// Source is what the engine needs of a driver. Its methods are safe for concurrent use.
type Source interface {
	// Subscribe asks the server for the live entries of the rooms and returns when it has confirmed, so that every
	// entry appended after a later Heads is either delivered live or found missing.
	Subscribe(ctx context.Context, rooms []string) error
	// Unsubscribe ends that. It does not wait for the server.
	Unsubscribe(rooms []string)
	// Heads returns the last position of each room, the zero Position for a room without entries, in the order of
	// rooms. The answer is from the server that orders the log (a cluster's leader) and is not older than the call.
	Heads(ctx context.Context, rooms []string) ([]bus.Position, error)
	// Replay is the driver's bus.Log.Replay.
	Replay(ctx context.Context, room string, after bus.Position, limit int) (bus.Replayed, error)
}
