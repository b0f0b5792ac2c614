package client

import "context"

// Turn waits until it is the caller's turn to send to a room.
func Turn(ctx context.Context, c *Client, room string) error { return c.sends.turn(ctx, room) }

// EndTurn ends the caller's turn after something else has happened, and in the same moment: nobody
// sees one without the other.
func EndTurn(c *Client, room string, first func()) {
	c.sends.mu.Lock()
	defer c.sends.mu.Unlock()
	first()
	c.sends.pass(room)
}

// Waiting returns how many calls wait for their turn to send to a room, and -1 if none sends.
func Waiting(c *Client, room string) int {
	c.sends.mu.Lock()
	defer c.sends.mu.Unlock()
	if t := c.sends.turns[room]; t != nil {
		return len(t.waiting)
	}
	return -1
}

// Passes reports whether an error may be gone after a while.
func Passes(err error) bool { return passes(err) }

// Pending returns how many commands wait for a reply.
func Pending(c *Client) int {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return len(c.link.pending)
}
