package rooms

import "testing"

type subscription func()

func (s subscription) Stop() { s() }

// TestGivenUpWhileStarting: a room that is given up before it is followed is not followed then.
func TestGivenUpWhileStarting(t *testing.T) {
	stopped := 0
	f := &RoomTopic{hub: &Hub{}, stopped: true}
	f.started(subscription(func() { stopped++ }), nil)
	if stopped != 1 {
		t.Error("it is followed for ever")
	}
	f = &RoomTopic{hub: &Hub{}}
	f.started(subscription(func() { stopped++ }), nil)
	f.stop()
	if f.stop(); stopped != 2 {
		t.Errorf("stopped %d times", stopped-1)
	}
}
