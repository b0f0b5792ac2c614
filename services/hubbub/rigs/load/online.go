package load

import (
	"context"
	"fmt"
	"slices"
)

// Online compares presence's answer for every room with the users who have sockets in it. nil: they
// agree.
func (c *Crowd) Online(ctx context.Context) error {
	for i, r := range c.rooms {
		want := c.members(i)
		var ids []string
		for next, more := "", true; more; more = next != "" {
			got, err := c.users[0].Presence(ctx, r.id, next)
			if err != nil {
				return fmt.Errorf("presence of room %s: %w", r.id, err)
			}
			for _, u := range got.Users {
				ids = append(ids, u.User)
			}
			next = got.Next
		}
		slices.Sort(ids)
		if !slices.Equal(ids, want) {
			return fmt.Errorf("presence of room %s: %d users are reported online, and %d are", r.id, len(ids), len(want))
		}
	}
	return nil
}

// members returns the ids of the users who have a socket in a room, sorted.
func (c *Crowd) members(room int) []string {
	var ids []string
	c.seating.each(room, func(socket int) { ids = append(ids, c.users[c.seating.user(socket)].User().ID) })
	slices.Sort(ids)
	return slices.Compact(ids)
}
