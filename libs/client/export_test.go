package client

import "context"

// Turn waits until it is the caller's turn to send to a room.
func Turn(ctx context.Context, c *Client, room string) error { return c.turn(ctx, room) }

// EndTurn ends the caller's turn after something else has happened, and in the same moment: nobody
// sees one without the other.
func EndTurn(c *Client, room string, first func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first()
	c.pass(room)
}

// Waiting returns how many calls wait for their turn to send to a room, and -1 if none sends.
func Waiting(c *Client, room string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.turns[room]; t != nil {
		return len(t.waiting)
	}
	return -1
}

// Passes reports whether an error may be gone after a while.
func Passes(err error) bool { return passes(err) }

// Pending returns how many commands wait for a reply.
func Pending(c *Client) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending)
}
