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

// Source is what the engine needs of a driver. Its methods are safe for concurrent use.
type Source interface {
	// Subscribe asks the server for the live entries of the rooms and returns when it has
	// confirmed, so that every entry appended after a later Heads is either delivered live or found
	// missing. Rooms that are subscribed already are left as they are. After an error the call is
	// made again for the same rooms.
	Subscribe(ctx context.Context, rooms []string) error
	// Unsubscribe ends that. It does not wait for the server.
	Unsubscribe(rooms []string)
	// SubscribePersonal is Subscribe for the live entries of all personal rooms. It is called again
	// after an error, and at will; there is no end to it but the driver's.
	SubscribePersonal(ctx context.Context) error
	// Heads returns the head of each room, in the order of rooms, of which there are at most
	// Options.Batch. The answer is from the server that orders the log (a cluster's leader) and is
	// not older than the call.
	Heads(ctx context.Context, rooms []string) ([]Head, error)
	// Replay is the driver's bus.Log.Replay.
	Replay(ctx context.Context, room string, after driver.Position, limit int) (driver.Replayed, error)
}
