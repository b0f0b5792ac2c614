package announce

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
)

// heard returns what watchers got since it was last asked for.
func (s *scene) heard() []message {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

// TestNothingIsKeptOfWhatWasTold: when all was told, nothing of it is left, of small rooms and of
// big ones, and nothing is told again.
func TestNothingIsKeptOfWhatWasTold(t *testing.T) {
	stage(t, func(s *scene) {
		for id := range uint64(10) {
			s.enter(id+1, presence.Online, "big")
		}
		s.enter(50, presence.Online, "small")
		s.enter(51, presence.Invisible, "small") // whom nobody sees come or go
		time.Sleep(time.Second)
		s.exit(50)
		s.exit(51)
		for id := range uint64(10) {
			s.exit(id + 1)
		}
		s.enter(60, presence.Online, "small") // is back before that is told, and goes again
		s.exit(60)
		s.enter(60, presence.Online, "small")
		time.Sleep(time.Second)
		s.exit(60)
		time.Sleep(time.Minute)
		if len(s.heard()) == 0 {
			t.Error("nothing was told")
		}
		s.a.mu.Lock()
		defer s.a.mu.Unlock()
		if n := len(s.a.dirty) + len(s.a.leaving) + len(s.a.left); n > 0 {
			t.Errorf("to be looked at are %d, leaving %d and %d", len(s.a.dirty), len(s.a.leaving), len(s.a.left))
		}
		if n := len(s.a.recent) + len(s.a.bigDue) + len(s.a.bigTold); n > 0 {
			t.Errorf("remembered are %d changes, %d and %d big rooms", len(s.a.recent), len(s.a.bigDue), len(s.a.bigTold))
		}
	})
}

// TestChangedAndGone: who changes the status and goes in the same moment is not told to have gone
// before that is sure.
func TestChangedAndGone(t *testing.T) {
	stage(t, func(s *scene) {
		s.enter(1, presence.Online, "r")
		time.Sleep(time.Second)
		s.heard()
		s.status(1, presence.DND)
		s.exit(1)
		time.Sleep(4 * time.Second)
		if got := s.heard(); len(got) != 0 {
			t.Errorf("told was %+v", got)
		}
		s.enter(101, presence.Online, "r") // the same user, as watchers know them no more
		time.Sleep(10 * time.Second)
		if got := s.heard(); len(got) > 1 || len(got) == 1 && (len(got[0].Users) != 1 || got[0].Users[0].Status != presence.Online) {
			t.Errorf("of who is back, told was %+v", got)
		}
	})
}

// TestTakeoverOfARoomThatHasGrown: the replica that speaks from now on tells the number of a room
// that is big now, and nobody by name, also where another has told names of it; and it tells that
// of a room whose number alone was told.
func TestTakeoverOfARoomThatHasGrown(t *testing.T) {
	stage(t, func(s *scene) {
		s.first.Store(false)
		for id := range uint64(3) {
			s.enter(id+1, presence.Online, "r")
		}
		time.Sleep(time.Second)
		for id := range uint64(10) {
			s.enter(id+11, presence.Online, "r")
		}
		time.Sleep(2 * time.Second)
		if got := s.heard(); len(got) != 0 {
			t.Errorf("another speaks, and told was %+v", got)
		}
		s.first.Store(true)
		time.Sleep(time.Second)
		if got := s.heard(); len(got) != 1 || got[0].room != "r" || got[0].Count != 13 || len(got[0].Users) != 0 {
			t.Errorf("told was %+v", got)
		}
		time.Sleep(time.Minute)
		s.first.Store(false)
		s.exit(1)
		time.Sleep(7 * time.Second) // longer than it may be a short absence
		s.first.Store(true)
		time.Sleep(time.Second)
		if got := s.heard(); len(got) != 1 || got[0].Count != 12 || len(got[0].Users) != 0 {
			t.Errorf("of the number alone, told was %+v", got)
		}
	})
}

// raw is what was published.
type raw struct {
	bus.Live
	data []string
}

func (r *raw) Publish(_ string, data []byte) error {
	r.data = append(r.data, string(data))
	return nil
}

// TestFormOfAnnouncements: a number alone comes with nobody, and not without a list; and of very
// many changes the newest are remembered.
func TestFormOfAnnouncements(t *testing.T) {
	live := &raw{}
	a := New(Config{Takeover: time.Hour}, Deps{Live: live, Log: zap.NewNop()})
	a.first = true
	a.publish("r", &presence.Changed{Count: 3})
	if len(live.data) != 1 || !strings.Contains(live.data[0], "[]") || strings.Contains(live.data[0], "null") {
		t.Errorf("published is %q", live.data)
	}
	now := time.Now()
	for i := range maxRecent + 10 {
		a.recent = append(a.recent, told{room: "r", at: now.Add(time.Duration(i))})
	}
	if a.trim(now); len(a.recent) != maxRecent || !a.recent[0].at.Equal(now.Add(10)) {
		t.Errorf("%d are remembered", len(a.recent))
	}
}
