package client

// Waiting returns how many calls wait for their turn to send to a room, and -1 if none sends.
func Waiting(c *Client, room string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.turns[room]; t != nil {
		return len(t.waiting)
	}
	return -1
}
