package follow

import (
	"context"
	"testing"

	"hubbub.internal/libs/bus/driver"
)

type nobody struct{}

func (nobody) Entry(driver.Entry)     {}
func (nobody) Rewound(string, uint64) {}
func (nobody) Missed(string, uint64)  {}

// TestFollowedWhileGivenUp: a room that is given up in the very moment in which somebody comes is
// joined for them; one that nobody wants is out of the table, and the next one makes a room of its
// own. No test from outside gets between the two.
func TestFollowedWhileGivenUp(t *testing.T) {
	src := &sink{}
	e := New(src, Options{})
	s, err := e.enter("r", nobody{})
	if err != nil {
		t.Fatal(err)
	}
	e.subscriptions.drain() // as the loop does, which then finds that nobody waits any more
	s.Stop()
	if keep := e.wanted([]*room{s.r}); len(keep) != 0 || s.r.state != gone || len(src.left) != 1 {
		t.Fatalf("%d rooms are wanted, the state is %d, %q were given up", len(keep), s.r.state, src.left)
	}

	if s, err = e.enter("r", nobody{}); err != nil {
		t.Fatal(err)
	}
	e.subscriptions.drain()
	s.Stop()
	again, err := e.enter("r", nobody{}) // after the loop has looked
	if err != nil || again.r != s.r {
		t.Fatal("another room was made", err)
	}
	e.leaveRooms([]*room{s.r})
	if join, _, _ := e.subscriptions.drain(); len(join) != 1 || join[0] != again.r || again.r.state != joining || len(src.left) != 1 {
		t.Errorf("%d rooms are joined, the state is %d, %q were given up", len(join), again.r.state, src.left)
	}
}

// TestFollowedWhileLeft: a room that is followed again in the very moment in which it is left is
// joined once, for a driver need not answer for a room that it is asked about twice.
func TestFollowedWhileLeft(t *testing.T) {
	e := New(&sink{}, Options{})
	s, err := e.enter("r", nobody{})
	if err != nil {
		t.Fatal(err)
	}
	e.subscriptions.drain()
	s.r.joined(e, 0, driver.Head{})
	s.Stop()
	_, leave, _ := e.subscriptions.drain()
	again, err := e.enter("r", nobody{}) // before the loop leaves it
	if err != nil || again.r != s.r {
		t.Fatal("another room was made", err)
	}
	e.leaveRooms(leave)
	join, _, _ := e.subscriptions.drain()
	if keep := e.wanted(join); len(keep) != 1 || keep[0] != s.r {
		t.Errorf("of %d rooms to join %d are wanted", len(join), len(keep))
	}
}

// sink is a driver that notes which rooms were given up.
type sink struct {
	Source
	left []string
}

func (s *sink) Unsubscribe(names []string)                { s.left = append(s.left, names...) }
func (s *sink) Subscribe(context.Context, []string) error { return nil }
