package fleet

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// counter is a Watcher that counts failures and lost connections.
type counter struct{ failed, lost atomic.Int64 }

func (h *counter) In(int, bool, time.Duration)          {}
func (h *counter) Out(int)                              {}
func (h *counter) Acked(int, string, uint64, time.Time) {}
func (h *counter) Failed(string)                        { h.failed.Add(1) }
func (h *counter) Delivered(string)                     {}
func (h *counter) Lost(int, string, error)              { h.lost.Add(1) }
func (h *counter) Gone(int, string, error)              {}

// alone returns a library fleet of one client, not connected, in the room r.
func alone(h *counter) *Library {
	return NewLibrary(Config{
		Clients: 1, Rooms: []string{"r"}, Seats: func(int) []int { return []int{0} }, Watcher: h, Token: func(int) string { return "" },
		Edge: func(int) Edge { return Edge{URL: "http://127.0.0.1:1"} },
	})
}

// TestLibraryRewound: a client that is told of a rewind begins anew at that seq. What it saw before
// does not count, nor does what it saw before Forget.
func TestLibraryRewound(t *testing.T) {
	l := alone(&counter{})
	event := func(kind string, seq uint64, rewind bool) {
		l.clients[0].handle(wire.Event{Event: chat.Event{Type: kind, Room: "r", Seq: seq}, Rewind: rewind})
	}
	saw := func(start uint64, rewinds int, seqs ...uint64) {
		t.Helper()
		seen := l.Seen(0)
		if len(seen) != 1 || seen[0].Start != start || seen[0].Rewinds != rewinds || !slices.Equal(seen[0].Seqs, seqs) {
			t.Errorf("it saw %+v, want %v after %d and %d rewinds", seen, seqs, start, rewinds)
		}
	}
	event(chat.TypeMsg, 10, false)
	event(chat.TypeMsg, 30, false) // which the rewind removes
	event(wire.EventJoined, 20, true)
	event(chat.TypeMsg, 40, false)
	saw(20, 1, 40)
	l.Forget(0)
	saw(40, 0)
	event(chat.TypeMsg, 50, false)
	saw(40, 0, 50)
	l.clients[0].opened = true
	if l.Caught(map[int]uint64{0: 60}) || !l.Caught(map[int]uint64{0: 50}) {
		t.Error("Caught does not say that the client has seen the room through 50")
	}
}

// TestLibrarySayIsGivenUp: messages of a client that is never in its rooms are given up in their
// time, and at once when the fleet ends.
func TestLibrarySayIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h counter
		l := alone(&h)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		for range 3 {
			l.Say(Say{Text: func(int) string { return "x" }, Due: time.Now()})
		}
		time.Sleep(sayFor - time.Second)
		synctest.Wait()
		if l.Busy() != 3 || h.failed.Load() != 0 {
			t.Errorf("before their time is over %d wait, and %d were given up", l.Busy(), h.failed.Load())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if l.Busy() != 0 || h.failed.Load() != 3 {
			t.Errorf("then %d wait, and %d were given up", l.Busy(), h.failed.Load())
		}
		l.Say(Say{Text: func(int) string { return "x" }, Due: time.Now()})
		cancel()
		if err := <-ended; err != nil || l.Busy() != 0 || h.failed.Load() != 4 {
			t.Errorf("after the end %d wait, and %d were given up (%v)", l.Busy(), h.failed.Load(), err)
		}
	})
}
