package queue_test

import (
	"fmt"
	"testing"
	"time"

	"hubbub.internal/services/notify/queue"
)

var start = time.UnixMilli(1_700_000_000_000)

func seqs(all []queue.Batch) (found []string) {
	for _, b := range all {
		for _, e := range b.Events {
			found = append(found, fmt.Sprintf("%s/%d", b.Room, e.Seq))
		}
	}
	return found
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestRoomIsDueOnce: a room is due a delay after its first event, with the events since.
func TestRoomIsDueOnce(t *testing.T) {
	q := queue.New(5*time.Second, 100)
	q.Add(queue.Event{Room: "a", Seq: 1}, start)
	q.Add(queue.Event{Room: "a", Seq: 2}, start.Add(4*time.Second))
	q.Add(queue.Event{Room: "b", Seq: 3}, start.Add(4*time.Second))
	same(t, seqs(q.Due(start.Add(4999*time.Millisecond))))
	same(t, seqs(q.Due(start.Add(5*time.Second))), "a/1", "a/2")
	same(t, seqs(q.Due(start.Add(5*time.Second))))
	same(t, seqs(q.Due(start.Add(9*time.Second))), "b/3")
	if q.Len() != 0 {
		t.Errorf("%d are left", q.Len())
	}
}

func TestLaterEventDoesNotDelayARoom(t *testing.T) {
	q := queue.New(time.Second, 100)
	q.Again(queue.Event{Room: "a", Seq: 1}, start.Add(time.Minute))
	q.Add(queue.Event{Room: "a", Seq: 2}, start)
	same(t, seqs(q.Due(start.Add(time.Second))), "a/1", "a/2")
}

func TestCancelled(t *testing.T) {
	q := queue.New(0, 100)
	for i := range 4 {
		q.Add(queue.Event{Room: "a", Seq: uint64(i), Users: []string{"u"}}, start)
	}
	q.Cancel("none", func(*queue.Event) bool { return true })
	q.Cancel("a", func(e *queue.Event) bool { return e.Seq%2 == 1 })
	if q.Len() != 2 {
		t.Errorf("%d are left", q.Len())
	}
	same(t, seqs(q.Due(start)), "a/0", "a/2")
	q.Add(queue.Event{Room: "a"}, start)
	q.Cancel("a", func(*queue.Event) bool { return true })
	if due := q.Due(start); len(due) != 0 {
		t.Errorf("an empty room is due: %v", due)
	}
}

// TestBounds: a room with too many events loses its oldest, and other rooms still find space until
// the queue is full.
func TestBounds(t *testing.T) {
	q := queue.New(0, 250)
	dropped := 0
	for i := range 1000 {
		dropped += q.Add(queue.Event{Room: "flood", Seq: uint64(i)}, start)
	}
	if q.Len() != 200 || dropped != 800 {
		t.Errorf("%d wait, %d were dropped", q.Len(), dropped)
	}
	dropped = 0
	for i := range 100 {
		dropped += q.Add(queue.Event{Room: fmt.Sprint("r", i)}, start)
	}
	if q.Len() != 250 || dropped != 50 {
		t.Errorf("%d wait, %d were dropped", q.Len(), dropped)
	}
	if dropped = q.Add(queue.Event{Room: "flood", Seq: 5000}, start); dropped != 1 || q.Len() != 250 {
		t.Errorf("%d wait, %d were dropped", q.Len(), dropped)
	}
}

// TestFull: when the queue is full, a room with events loses its oldest for a new one.
func TestFull(t *testing.T) {
	q := queue.New(0, 3)
	for i := range 3 {
		q.Add(queue.Event{Room: fmt.Sprint("r", i), Seq: 1}, start)
	}
	if dropped := q.Add(queue.Event{Room: "r1", Seq: 2}, start); dropped != 1 || q.Len() != 3 {
		t.Errorf("%d wait, %d were dropped", q.Len(), dropped)
	}
	for _, b := range q.Due(start) {
		if len(b.Events) != 1 || (b.Room == "r1") != (b.Events[0].Seq == 2) {
			t.Errorf("due is %+v", b)
		}
	}
}
