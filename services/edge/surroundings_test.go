package edge_test

import (
	"slices"
	"sync"
	"testing"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
)

// failing is a bus whose appends may be made to fail.
type failing struct {
	bus.Interface
	mu  sync.Mutex
	err error
}

func (b *failing) set(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *failing) Append(e bus.NewEntry, done func(bus.Appended, error)) {
	b.mu.Lock()
	err := b.err
	b.mu.Unlock()
	if err != nil {
		go done(bus.Appended{}, err)
		return
	}
	b.Interface.Append(e, done)
}

// applyReport brings sessions up to date with a report, as a replica would.
func applyReport(t testing.TB, sessions map[uint64]presence.Session, r *presence.Report) {
	t.Helper()
	if r.Goodbye {
		clear(sessions)
	}
	if r.Changes == nil {
		return
	}
	if err := r.Changes.Each(&presence.Change{}, func(c *presence.Change) {
		s := sessions[c.ID]
		switch c.Kind {
		case presence.Entered:
			s = presence.Session{ID: c.ID, User: string(c.User), Name: string(c.Name), Device: string(c.Device), Status: c.Status}
			for _, room := range c.Rooms {
				s.Rooms = append(s.Rooms, string(room))
			}
		case presence.Joined:
			s.Rooms = append(s.Rooms, string(c.Room))
		case presence.Left:
			s.Rooms = slices.DeleteFunc(s.Rooms, func(room string) bool { return room == string(c.Room) })
		case presence.StatusChanged:
			s.Status = c.Status
		case presence.Exited:
			delete(sessions, c.ID)
			return
		}
		sessions[c.ID] = s
	}); err != nil {
		t.Fatal(err)
	}
}
