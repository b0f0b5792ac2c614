// Package follow turns a driver's live hints into what bus.Log.Follow promises: every entry of a
// room once, in order, with a true Prev. The drivers share it; it knows no server.
//
// Live fan-out is a fast hint of the log that may lose, repeat or disorder entries. The engine
// checks each hint against what it holds of the room (Prev proves a gap), compares its rooms' last
// Seqs with the log after whatever may have cost entries, and every 30 s, and fills what is missing
// from the log before anything newer is delivered.
package follow

import (
	"context"

	"hubbub.internal/libs/bus/driver"
)

// Head is driver.Head. Through is the Seq of a driver that knows no more.
type Head = driver.Head

// Source is what the engine needs of a driver. Its methods are safe for concurrent use, and make
// what tries it takes.
type Source interface {
	driver.Rooms
	// Replay is bus.Log.Replay for followers.
	Replay(ctx context.Context, room string, after driver.Position, limit int) (driver.Replayed, error)
}
