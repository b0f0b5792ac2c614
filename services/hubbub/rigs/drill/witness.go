package drill

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
)

// witness is a client that sends each message once and looks at the answer; the crowd's clients
// retry by themselves.
type witness struct {
	*client.Client
	room string
}

// newWitness logs a guest in and joins a default room.
func newWitness(ctx context.Context, url string) (*witness, error) {
	guest, err := client.NewAPI(url, nil).Guest(ctx, "witness")
	if err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	rooms, err := guest.Rooms(ctx)
	if err != nil || len(rooms) == 0 {
		return nil, fmt.Errorf("witness: %d rooms: %w", len(rooms), err)
	}
	c, err := client.Dial(ctx, client.Config{
		URL: "ws" + strings.TrimPrefix(url, "http") + "/v1/ws", Token: guest.Token, TokenExpired: guest.Expire, Device: "bot",
		ReplyTimeout: 15 * time.Second, RetryFor: time.Nanosecond,
	})
	if err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	w := &witness{Client: c, room: rooms[0].ID}
	if _, err := c.Join(ctx, w.room, nil); err != nil {
		c.Close()
		return nil, fmt.Errorf("witness: %w", err)
	}
	return w, nil
}

func (w *witness) close() { w.Close() }

// refused sends until the bus refuses a message, and returns an error if the refusal does not say
// that a retry may succeed.
func (w *witness) refused(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, err := w.Send(ctx, w.room, "is there room?")
		if ctx.Err() != nil {
			return errors.New("a bus whose disk is full refuses nothing")
		}
		if err != nil {
			if refusal, ok := errors.AsType[*chat.Error](err); !ok || refusal.Code != chat.CodeUnavailable || refusal.RetryAfter <= 0 {
				return fmt.Errorf("a sender is not told to retry later, but: %w", err)
			}
			return nil
		}
		_ = await.Sleep(ctx, 50*time.Millisecond) // its socket may send 20 a second
	}
}

// accepted sends until a message is acknowledged, or the time is over.
func (w *witness) accepted(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		_, err := w.Send(ctx, w.room, "is there room again?")
		if err == nil || ctx.Err() != nil {
			return err
		}
		_ = await.Sleep(ctx, 100*time.Millisecond)
	}
}
