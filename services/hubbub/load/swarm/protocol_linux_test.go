package swarm

import (
	"errors"
	"testing"
	"time"
)

// heard counts what a swarm tells.
type heard struct{ failed, lost int }

func (h *heard) In(int, bool, time.Duration)          {}
func (h *heard) Out(int)                              {}
func (h *heard) Acked(int, string, uint64, time.Time) {}
func (h *heard) Failed(string)                        { h.failed++ }
func (h *heard) Delivered(string)                     {}
func (h *heard) Lost(int, string, error)              { h.lost++ }
func (h *heard) Gone(int, string, error)              {}

// TestSayIsGivenUpWithoutAServer: what was to be said is given up in its time also when the server never comes back. Else
// whoever waits until everything said is acknowledged or given up would wait for ever.
func TestSayIsGivenUpWithoutAServer(t *testing.T) {
	var h heard
	s, err := New(Config{Clients: 1, Rooms: []string{"r"}, Seats: func(int) []int { return []int{0} }, Watcher: &h})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for range 3 {
		s.busy.Add(1) // as Say does
		s.say(Say{Text: func(int) string { return "x" }})
	}
	refused := errors.New("connection refused")
	s.failed(0, refused)
	if s.Busy() != 3 || h.failed != 0 || h.lost != 1 {
		t.Fatalf("before their time is over %d messages wait, %d were given up", s.Busy(), h.failed)
	}
	queue := s.clients[0].talk.queue
	queue[0].until, queue[1].until = time.Now(), time.Now()
	s.failed(0, refused)
	if s.Busy() != 1 || h.failed != 2 {
		t.Errorf("then %d wait, and %d were given up", s.Busy(), h.failed)
	}
}
