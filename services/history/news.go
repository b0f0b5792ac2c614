package history

import (
	"context"
	"fmt"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// announcer appends what history itself has to say to the logs of rooms.
type announcer struct{ bus bus.Interface }

// tellReads tells a user's devices that read positions have changed, otherwise than by reading on.
func (n *announcer) tellReads(ctx context.Context, user string) error {
	return n.tellChanged(ctx, user, chat.ListInbox)
}

// tellChanged tells a user's devices that a list of the user's is another now.
func (n *announcer) tellChanged(ctx context.Context, user, list string) error {
	e := chat.Event{Type: chat.TypeChanged, Room: chat.UserRoom(user), ID: chat.NewID(), User: user, Target: list, TS: nowMillis()}
	return n.append(ctx, e)
}

// append appends an event of this service's to the log.
func (n *announcer) append(ctx context.Context, e chat.Event) error {
	data, err := chat.AppendEntry(nil, e)
	if err != nil {
		return err
	}
	if _, err := bus.Append(ctx, n.bus, bus.NewEntry{Room: e.Room, Sender: sender, ID: e.ID, Data: data}); err != nil {
		return fmt.Errorf("append to the log: %w", err)
	}
	return nil
}
