package swarm

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
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

// TestSayIsGivenUpWithoutAServer: what was to be said is given up in its time also when the server
// never comes back. Else whoever waits until everything said is acknowledged or given up would wait
// for ever.
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

// TestSayMarksRepeats: an attempt to send is marked once an earlier one may have reached the log,
// and not before.
func TestSayMarksRepeats(t *testing.T) {
	var h heard
	s, err := New(Config{Clients: 1, Rooms: []string{"r"}, Seats: func(int) []int { return []int{0} }, Watcher: &h})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	c := &s.clients[0]
	enter := func() {
		var ends [2]int
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(ends[0]) })
		c.fd, c.state = int32(ends[1]), stIn
	}
	marked := func() bool { // of the last attempt
		at := 2
		if s.frame[1]&127 == 126 {
			at = 4
		}
		payload := append([]byte(nil), s.frame[at+len(mask):]...)
		for k := range payload {
			payload[k] ^= mask[k&3]
		}
		var r wire.Request
		if err := json.Unmarshal(payload, &r); err != nil || r.Type != "send" {
			t.Fatalf("%s: %v", payload, err)
		}
		return r.Retry
	}
	refused := func(code string) func() {
		return func() {
			e := wire.Event{Event: chat.Event{Type: wire.EventError}, Code: wire.Code(code), MsgID: c.talk.queue[0].id, RetryAfterMS: 1}
			if err := s.answered(0, &e); err != nil {
				t.Fatal(err)
			}
			s.elapsed(timer{turn: c.turn, say: c.talk.n, what: sendAgain})
		}
	}
	for name, tt := range map[string]struct {
		happens func()
		marks   bool
	}{
		"too fast":    {refused(chat.CodeRateLimited), false},
		"too many":    {refused(chat.CodeTooMany), false},
		"unavailable": {refused(chat.CodeUnavailable), true},
		"a fault":     {refused(chat.CodeInternal), true},
		"no answer":   {func() { s.elapsed(timer{turn: c.turn, say: c.talk.n, what: sendAgain}) }, true},
		"a lost connection": {func() {
			s.lose(0)
			enter()
			if err := s.next(0); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		enter()
		s.busy.Add(1)
		s.say(Say{Text: func(int) string { return "x" }})
		if marked() {
			t.Errorf("%s: the first attempt is marked", name)
		}
		if tt.happens(); marked() != tt.marks {
			t.Errorf("%s: the next attempt is marked: %v", name, marked())
		}
		if refused(chat.CodeRateLimited)(); marked() != tt.marks {
			t.Errorf("%s: the one after it, which was refused for certain, is marked: %v", name, marked())
		}
		s.hush(0)
		s.cut(0)
	}
}
