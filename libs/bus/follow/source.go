// Package follow turns a driver's live hints into what bus.Log.Follow promises: every entry of a
// room once, in order, with a true Prev. The drivers share it; it knows no server.
//
// Live fan-out is a fast hint of the log that may lose, repeat or disorder entries. The engine
// checks each hint against what it has delivered (Prev proves a gap), compares its rooms' last Seqs
// with the log every 30 s and after whatever may have lost entries, and fills what is missing from
// the log before it delivers anything newer.
package follow

import (
	"context"

	"hubbub.internal/libs/bus/driver"
)

// Head is driver.Head. A driver that knows no more sets Through to the Seq.
type Head = driver.Head

// Source is what the engine needs of a driver. Its methods are safe for concurrent use, and retry
// by themselves.
type Source interface {
	driver.Rooms
	// Replay is bus.Log.Replay for followers.
	Replay(ctx context.Context, room string, after driver.Position, limit int) (driver.Replayed, error)
}
